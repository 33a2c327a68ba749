"""Files that survive: whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl import durable


def test_json_round_trip(tmp_path: Path) -> None:
    """What was written is read back, and no temporary file stays."""
    path = tmp_path / "new" / "a.json"

    durable.write_json(path, {"a": [1, None]})

    assert durable.read_json(path) == {"a": [1, None]}
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]


def test_a_torn_file_reads_as_none(tmp_path: Path) -> None:
    """Half a file is no file."""
    path = tmp_path / "a.json"
    durable.write_json(path, {"key": "value"})
    path.write_bytes(path.read_bytes()[:7])

    assert durable.read_json(path) is None
    assert durable.read_json(tmp_path / "missing.json") is None


def make(path: Path, text: str = "x") -> None:
    with durable.new_folder(path) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "a").write_text(text)


def test_a_folder_is_whole_until_a_byte_changes(tmp_path: Path) -> None:
    """Any damage shows: a changed byte, a missing file, a missing manifest."""
    for damage in (
        lambda p: (p / "sub" / "a").write_text("y"),
        lambda p: (p / "sub" / "a").unlink(),
        lambda p: (p / durable.MANIFEST).unlink(),
        lambda p: (p / durable.MANIFEST).write_text("{"),
    ):
        path = tmp_path / "folder"
        make(path)
        assert durable.is_whole(path)

        damage(path)

        assert not durable.is_whole(path)


def test_an_exception_leaves_the_old_folder(tmp_path: Path) -> None:
    """A block that raises changes nothing."""
    path = tmp_path / "folder"
    make(path, "old")

    with pytest.raises(FileNotFoundError), durable.new_folder(path) as folder:
        (folder / "missing").read_text()

    assert durable.is_whole(path)
    assert (path / "sub" / "a").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
