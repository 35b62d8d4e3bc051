"""What several test folders share: the command line in-process, and reads on real ngspice."""

from dataclasses import replace

import pytest

from rramchar.cli.main import main
from rramchar.spice.session import process_session, simulate
from rramchar.technology import Condition, load_technology
from rramchar.testbench.read import (
    ReadParameters,
    ReadPoint,
    build_read,
    read_alterations,
    read_result,
)


@pytest.fixture
def run_cli(monkeypatch, capsys):
    """Return a function that runs ``rramchar ...``: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["rramchar", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def generic130():
    return load_technology("generic130")


@pytest.fixture(scope="session")
def read_waves(generic130):
    """Return a function that simulates one read: waves, condition, parameters."""

    def waves(
        r_bl_ohm, r_blb_ohm, *, x=None, corner="tt", temperature_c=27.0, vdd_v=1.2,
        technology=generic130, accuracy="sweep", **parameters,
    ):  # fmt: skip
        condition = Condition(corner, temperature_c, vdd_v)
        record = ReadParameters(amplifier="pcsa" if x is None else "xnor_pcsa", **parameters)
        point = ReadPoint(r_bl_ohm, r_blb_ohm, x)
        # The shared deck holds other resistances, so that every read here is also an alteration.
        deck = build_read(technology, condition, record, replace(point, r_bl_ohm=1e4))
        recorded, _ = simulate(
            process_session(), deck, read_alterations(condition, record, point), accuracy
        )
        return recorded, condition, record

    return waves


@pytest.fixture(scope="session")
def read(read_waves):
    """Return a function that simulates one read and measures it."""
    return lambda *arguments, **named: read_result(*read_waves(*arguments, **named))
