"""``rramchar energies``: what is refused before anything is simulated."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--lrs", "0"), "--lrs 0: expected a number above 0 [ohm]"),
        (("--lrs", "30k"), "--lrs 30k: expected below --hrs 20k"),
        (("--set-from", "20k,-5"), "--set-from -5: expected a number above 0 [ohm]"),
        (("--set-from", ""), "--set-from: '' is not a number"),
        (("--weak-voltage", "0"), "--weak-voltage 0: expected a number above 0 [V]"),
        (("--weak-width", "0"), "--weak-width 0: expected a number above 0 [s]"),
        (("--weak-pulses", "0"), "--weak-pulses 0: expected at least 1"),
        (("--corner", "xx"), "corner: 'xx'"),
        (("--set", "foo=1"), "'foo'"),
    ],
)
def test_a_refusal_is_one_line_that_names_the_option(run_cli, tmp_path, arguments, message):
    code, out, err = run_cli("energies", "-o", tmp_path / "energies.json", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "energies.json").exists()
