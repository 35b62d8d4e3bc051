"""Requests to end a command: obeyed once, and not lost in a destructor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from rramchar.cli.interrupt import interruptible

REQUESTS = (signal.SIGINT, signal.SIGTERM)


def _default_signals() -> None:
    for request in REQUESTS:
        signal.signal(request, signal.SIG_DFL)


def run(body: str, request: signal.Signals) -> subprocess.CompletedProcess[str]:
    """Run a program whose ``ask()`` sends itself a request."""
    indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
    program = f"""
import os, signal, sys, time
from rramchar.cli.interrupt import interruptible
def ask():
    os.kill(os.getpid(), {int(request)})
    time.sleep(0.05)
with interruptible():
{indented}
print("went on")
"""
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=_default_signals,  # not those of a job in the background
    )


@pytest.mark.parametrize("request_", REQUESTS)
def test_an_interrupt_that_a_destructor_dropped_comes_again(request_: signal.Signals) -> None:
    done = run(
        """
class Dropping:
    def __del__(self):
        ask()
try:
    Dropping()
    print("dropped", flush=True)
    time.sleep(30)
except KeyboardInterrupt:
    print("obeyed")
""",
        request_,
    )
    assert done.stdout == "dropped\nobeyed\nwent on\n"
    assert "Exception ignored" in done.stderr


@pytest.mark.parametrize("request_", REQUESTS)
def test_more_requests_while_one_is_obeyed_change_nothing(request_: signal.Signals) -> None:
    done = run(
        """
try:
    try:
        ask()
    finally:
        ask()
        time.sleep(1.2)  # longer than the time between repetitions
        print("cleaned up")
except KeyboardInterrupt:
    ask()
    try:
        raise SystemExit from None
    except SystemExit:
        ask()
    print("obeyed")
""",
        request_,
    )
    assert (done.stdout, done.stderr) == ("cleaned up\nobeyed\nwent on\n", "")


def test_handlers_are_as_before_where_nothing_came() -> None:
    before = [signal.getsignal(r) for r in REQUESTS]
    with interruptible():
        assert [signal.getsignal(r) for r in REQUESTS] != before
    assert [signal.getsignal(r) for r in REQUESTS] == before


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
