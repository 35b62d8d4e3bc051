"""The command as a whole: help, exit codes, and one line for every error."""

import subprocess
import sys

import pytest
import typer

from rramchar import __version__
from rramchar.cli import main as cli
from rramchar.errors import InputError, SimulationError, StoreError


def _commands(command, path=()):
    """Yield the path of every command and group, with its docstring."""
    yield path, getattr(command.callback, "__doc__", None) or ""
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, (*path, name))


COMMANDS = dict(_commands(typer.main.get_command(cli.app)))


def test_the_subjects():
    subjects = {path[0] for path in COMMANDS if path}
    assert subjects >= {"netlist", "technology", "sweep", "measured", "fit", "ber", "nn", "report",
                        "demo"}  # fmt: skip
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("path", list(COMMANDS), ids=" ".join)
def test_help(run_cli, monkeypatch, path):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    code, out, err = run_cli(*path, "--help")
    assert (code, err) == (0, "")
    assert " ".join(("Usage: rramchar", *path)) in out
    # An example reaches the reader whole: rich takes square brackets out, and folds lines.
    printed = "".join(out.split())
    for line in COMMANDS[path].splitlines():
        if "Example:" in line:
            assert "".join(line.split()) in printed


@pytest.mark.parametrize("path", [p for p in COMMANDS if p], ids=" ".join)
def test_an_option_that_is_none(run_cli, path):
    code, out, err = run_cli(*path, "--no-such-option")
    assert (code, out) == (2, "")
    assert err.startswith("error: No such option: --no-such-option")
    assert f"See: rramchar {' '.join(path)} --help" in err
    assert err.count("\n") == 1


def test_a_command_that_is_none(run_cli):
    code, out, err = run_cli("netlsit")
    assert (code, out) == (2, "")
    assert err.startswith("error: No such command 'netlsit'")
    assert err.count("\n") == 1


def test_without_arguments_it_shows_what_there_is(run_cli):
    code, out, err = run_cli()
    assert code == 2
    for subject in ("netlist", "technology", "sweep", "nn"):
        assert subject in out + err


def test_the_version(run_cli):
    assert run_cli("--version") == (0, f"rramchar {__version__}\n", "")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("--r-bl: 0 ohm"), 2, "error: --r-bl: 0 ohm\n"),
        (StoreError("run is locked"), 2, "error: run is locked\n"),
        (SimulationError("timeout", "60 s"), 1, "error: timeout: 60 s\n"),
        (InputError(r"a file named [/red] or [bold]x or a\[b"), 2,
         "error: a file named [/red] or [bold]x or a\\[b\n"),
        (InputError("two\nlines\r\nin a name\u2028here"), 2, "error: two lines in a name here\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
    ],
)  # fmt: skip
def test_every_error_is_one_line_and_an_exit_code(run_cli, monkeypatch, error, code, line):
    def fail(**_):
        raise error

    monkeypatch.setattr(cli, "app", fail)
    assert run_cli() == (code, "", line)


def test_an_interrupt_that_a_command_does_not_handle_is_said(run_cli, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("rramchar.nn.datasets.load_dataset", interrupt)
    code, out, err = run_cli("nn", "train", "--dataset", "digits", "-o", "net.npz")
    assert (code, out) == (130, "")
    assert "interrupted; what was written is kept, run the same command again" in err


def test_a_bug_is_not_dressed_up_as_bad_input(monkeypatch):
    def fail(**_):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_a_reader_that_goes_away_is_no_error():
    done = subprocess.run(
        f'"{sys.executable}" -m rramchar.cli.main netlist pcsa | head -n 1',
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith(".title ")
    assert done.stderr == ""
