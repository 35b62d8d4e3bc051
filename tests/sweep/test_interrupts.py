"""Requests to end, held back while a call must not be torn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rramchar.sweep.interrupts import DeferredInterrupts


@pytest.fixture(autouse=True)
def _pythons_own_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _ask() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.02)


def test_a_request_is_held_back_until_it_is_obeyed() -> None:
    woken: list[bool] = []
    with DeferredInterrupts(lambda: woken.append(True)) as interrupts:
        interrupts.obey()  # nothing came yet
        _ask()
        assert woken == [True]
        with pytest.raises(KeyboardInterrupt):
            interrupts.obey()
        interrupts.obey()  # once is enough
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_request_that_nobody_obeyed_comes_at_the_end() -> None:
    reached: list[bool] = []

    def work() -> None:
        with DeferredInterrupts():
            _ask()
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached


def test_an_error_is_not_replaced_by_a_request() -> None:

    def work() -> None:
        with DeferredInterrupts():
            _ask()
            raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"):
        work()


def test_a_garbage_collection_drops_nothing() -> None:
    """What a callback of the collector raises is printed and lost."""
    program = """
import gc, os, signal, time
from rramchar.sweep.interrupts import DeferredInterrupts
def ask(phase, info):
    gc.callbacks.clear()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.02)
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    with DeferredInterrupts():
        gc.callbacks.append(ask)
        gc.collect()
except KeyboardInterrupt:
    print("obeyed")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("obeyed\n", "")


def test_what_never_answers_is_broken_off() -> None:

    def work() -> None:
        with DeferredInterrupts():
            _ask()
            time.sleep(30)

    since = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        work()
    assert time.monotonic() - since < 10


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with DeferredInterrupts():
        _ask()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_threads_are_left_alone() -> None:
    def work() -> None:
        with DeferredInterrupts() as interrupts:
            interrupts.obey()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs /proc")
def test_workers_are_deaf_to_an_interrupt_at_the_terminal() -> None:
    """It goes to every process there, and a worker that ended would take its results with it."""
    pytest.importorskip("distributed")
    program = """
import os, signal
from rramchar.sweep.cluster import DaskExecutor
if __name__ == "__main__":
    with DaskExecutor(workers=2) as executor:
        for nanny in executor._client.cluster.workers.values():
            lines = open(f"/proc/{nanny.pid}/status").read().split("SigBlk:")[1].split()
            print(bool(int(lines[0], 16) >> (signal.SIGINT - 1) & 1))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split() == ["True", "True"], done.stderr
