"""Files that survive: whole or not at all."""

from __future__ import annotations

import os
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


def test_what_is_checked_last_keeps_the_old_file(tmp_path: Path) -> None:
    """While the new one was written to the disk, somebody may have taken over: nothing changes, nothing is left."""
    path = tmp_path / "result.json"
    durable.write_json(path, {"attempt": 1})

    def check() -> None:
        assert len(list(tmp_path.iterdir())) == 2  # it is written already
        raise InterruptedError

    with pytest.raises(InterruptedError):
        durable.write_json(path, {"attempt": 2}, check=check)

    assert durable.read_json(path) == {"attempt": 1}
    assert [*tmp_path.iterdir()] == [path]


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


def test_a_sealed_line_shows_every_changed_byte() -> None:
    """Whatever byte is another one, or where the line is cut: nothing is read rather than something else."""
    line = durable.seal({"step": 3, "values": {"loss": 0.25}}).encode()

    changed = [line[:at] + bytes([line[at] ^ 4]) + line[at + 1 :] for at in range(len(line))]
    cut = [line[:at] for at in range(len(line))]

    assert durable.unseal(line) == {"step": 3, "values": {"loss": 0.25}}
    assert [each for each in cut if durable.unseal(each) is not None] == []
    # Without its seal a line is one of a version before; that it names a sum otherwise is seen by who reads it.
    read = [row for each in changed if (row := durable.unseal(each)) is not None]
    assert all(len(row) == 3 and {**row} | {"step": 3} == row for row in read)


def test_a_manifest_is_believed_only_of_its_own_folder(tmp_path: Path) -> None:
    """A file more than it lists, a file less, and a name that leads out of the folder are damage."""
    for damage in ("more", "less", "outside", "folder"):
        path = tmp_path / damage
        make(path)
        manifest = durable.read_json(path / durable.MANIFEST)
        if damage == "more":
            (path / "b").touch()
        elif damage == "less":
            (path / "sub" / "a").unlink()
        elif damage == "outside":
            (tmp_path / "a").write_text("x")
            (path / "sub" / "a").unlink()
            durable.write_json(path / durable.MANIFEST, {"../a": manifest["sub/a"]})
        else:
            durable.write_json(path / durable.MANIFEST, {"sub": manifest["sub/a"]})

        assert not durable.is_whole(path)
        assert not durable.is_whole(path, thorough=False)


def test_a_hasty_look_sees_sizes_only(tmp_path: Path) -> None:
    """Without reading the files, one of another size is seen, one with another byte is not."""
    path = tmp_path / "folder"
    make(path, "x")

    (path / "sub" / "a").write_text("y")
    assert durable.is_whole(path, thorough=False)

    (path / "sub" / "a").write_text("")
    assert not durable.is_whole(path, thorough=False)


def test_a_file_with_the_name_of_the_manifest_is_refused(tmp_path: Path) -> None:
    """It would be overwritten, and the checkpoint could never be verified."""
    with pytest.raises(FileExistsError, match="call your file otherwise"), durable.new_folder(tmp_path / "a") as folder:
        (folder / durable.MANIFEST).write_text("mine")

    assert list(tmp_path.iterdir()) == []


def test_what_killed_writers_left_is_found(tmp_path: Path) -> None:
    """Temporary files of processes that live are theirs; those of dead ones are left over."""
    (tmp_path / "sub").mkdir()
    for name in (".5.999999999.tmp", f".5.{os.getpid()}.tmp", "5.999999999.tmp"):
        (tmp_path / "sub" / name).mkdir()
        (tmp_path / "sub" / name / ".a.999999999.tmp").touch()

    found = durable.leftovers(tmp_path)

    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "sub/.5.999999999.tmp",
        "sub/5.999999999.tmp/.a.999999999.tmp",
    ]
