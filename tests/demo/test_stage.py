from __future__ import annotations

from pathlib import Path

import pytest

from rramchar.demo.stage import Stage


def make(folder: Path, settings: dict[str, object] | None = None) -> tuple[Stage, Path, Path]:
    source, target = folder / "in.txt", folder / "out.txt"
    if not source.exists():
        source.write_text("input")
    return Stage("copy", folder, (source,), (target,), settings or {}), source, target


def test_done_once_while_nothing_changes(tmp_path: Path) -> None:
    stage, source, target = make(tmp_path)
    assert stage.run(lambda: target.write_text(source.read_text()) and None)
    assert not stage.run(lambda: pytest.fail("must not be done again"))


@pytest.mark.parametrize("change", ["input", "output", "output gone", "stamp", "settings"])
def test_done_again_when_something_changed(tmp_path: Path, change: str) -> None:
    stage, source, target = make(tmp_path)
    stage.run(lambda: target.write_text("made") and None)
    if change == "input":
        source.write_text("other input")
    elif change == "output":
        target.write_text("edited")
    elif change == "output gone":
        target.unlink()
    elif change == "stamp":
        (tmp_path / ".stages" / "copy.json").write_text("{ half a sta")
    else:
        stage, _, _ = make(tmp_path, {"seed": 2})
    assert stage.run(lambda: target.write_text("made") and None)
    assert target.read_text() == "made"


def test_interrupted_work_is_not_taken_for_done(tmp_path: Path) -> None:
    stage, _, target = make(tmp_path)

    def interrupted() -> None:
        target.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage.run(interrupted)
    assert stage.run(lambda: target.write_text("whole") and None)
    assert target.read_text() == "whole"
