"""JsonlTracker: the contract on a folder, what a kill leaves, and what other tools read."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from automl.testing import START, ReadableTrackerContract, RecordedRun
from automl.testing.trackers import comparable, random_life
from trackers import JsonlTracker, Point, TrackerError

NewTracker = Callable[[], JsonlTracker]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the runs, which is not there yet."""
    return tmp_path / "new" / "runs"


@pytest.fixture
def new_tracker(folder: Path) -> NewTracker:
    """Return a function that makes a tracker on the test's own folder."""
    return lambda: JsonlTracker(folder, experiment="digits")


def rows(path: Path) -> list[dict[str, object]]:
    """Return the lines of a file, read by a strict reader of JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def recorded(folder: Path, uid: str) -> RecordedRun:
    """Read all that the files of a run hold."""
    tracker = JsonlTracker(folder)
    summary = tracker.find_run(uid)
    assert summary is not None
    parent = rows(tracker.file(uid))[0]["parent"]
    artifacts = tracker.file(uid).with_suffix("")
    return RecordedRun(
        run_id=summary.run_id,
        name=summary.name,
        parent=None if parent is None else str(parent),
        status=summary.status,
        params=summary.params,
        tags=summary.tags,
        points=tracker.points(summary.run_id),
        artifacts={str(f.relative_to(artifacts)): f.read_bytes() for f in artifacts.rglob("*") if f.is_file()},
    )


class TestContract(ReadableTrackerContract):
    """The contract on a folder."""

    @pytest.fixture
    def read(self, folder: Path) -> Callable[[str], RecordedRun]:
        return lambda uid: recorded(folder, uid)


class TestFiles:
    """What lies in the folder."""

    def test_a_file_a_run(self, new_tracker: NewTracker, folder: Path, tmp_path: Path) -> None:
        """Every line says what it is about; params keep their types; a repeated call adds no line."""
        (tmp_path / "note.txt").write_text("kept")
        for _ in range(2):
            tracker = new_tracker()
            tracker.start_run("s", name="study", time=START)
            run = tracker.start_run(
                "s/0", name="trial 0", parent="s", params={"lr": 0.5, "n": [1, None]}, tags={"a": "b"}, time=START
            )
            run.log([Point("loss", math.nan, 1, START), Point("loss", -math.inf, 2, START + 0.5)])
            run.artifact(tmp_path / "note.txt")
            run.tag({"a": "c"})
            run.finish("FAIL", START + 1)

        found = rows(folder / "s+0.jsonl")
        assert found.pop(0) == {
            "event": "start",
            "id": run.id,
            "uid": "s/0",
            "name": "trial 0",
            "parent": "s",
            "experiment": "digits",
            "time": START,
            "params": {"lr": 0.5, "n": [1, None]},
            "tags": {"a": "b"},
        }
        assert found == [
            {"event": "point", "name": "loss", "value": "NaN", "step": 1, "time": START},
            {"event": "point", "name": "loss", "value": "-Infinity", "step": 2, "time": START + 0.5},
            {"event": "artifact", "name": "note.txt"},
            {"event": "tags", "tags": {"a": "c"}},
            {"event": "status", "status": "FAIL", "time": START + 1},
        ]
        assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*")) == [
            "s+0",
            "s+0.jsonl",
            "s+0/note.txt",
            "s.jsonl",
        ]

    def test_pandas_reads_it(self, new_tracker: NewTracker) -> None:
        """Points are rows, odd values numbers."""
        values = [0.25, math.nan, math.inf, -math.inf]
        tracker = new_tracker()
        run = tracker.start_run("u", name="u", params={"lr": 1}, time=START)
        run.log([Point("loss", value, step, START) for step, value in enumerate(values)])

        table = pandas.read_json(tracker.file("u"), lines=True)

        points = table[table.event == "point"]
        assert list(map(str, points.value)) == list(map(str, values))
        assert list(points.step) == [0, 1, 2, 3]

    @pytest.mark.parametrize(
        "names",
        [
            ["a/b", "a+b", "a%2Fb", "a b"],
            ["a", "a.jsonl", "a.tmp", "A"],
            [".", "..", "../a", "/a", "-", "~", "", "\x00", "é", "\ud800"],
            ["x" * 500, "x" * 501, "x" * 181],
        ],
    )
    def test_any_uid_has_a_file_of_its_own(
        self, new_tracker: NewTracker, folder: Path, tmp_path: Path, names: list[str]
    ) -> None:
        """Whatever its characters, a run's file and artifacts stay in the folder and apart from those of others."""
        tracker = new_tracker()
        (tmp_path / "file").touch()

        for uid in names:
            tracker.start_run(uid, name=uid, time=START).artifact(tmp_path / "file", "a.jsonl/b")

        assert [new_tracker().find_run(uid).name for uid in names] == names
        assert len(list(folder.iterdir())) == 2 * len(names)
        assert {path.parent for path in map(tracker.file, names)} == {folder}

    def test_odd_params_are_text(self, new_tracker: NewTracker) -> None:
        """What JSON has no word for is written all the same."""
        params = {"path": Path("/a"), "set": {1}, "nan": math.nan, "deep": {"inf": (math.inf, True)}, 1: 2}
        tracker = new_tracker()

        tracker.start_run("u", name="u", params=params, time=START)

        written = {"path": "/a", "set": "{1}", "nan": "NaN", "deep": {"inf": ["Infinity", True]}, "1": 2}
        assert rows(tracker.file("u"))[0]["params"] == written


class TestAfterAKill:
    """A file that was cut anywhere is mended by the next writer, in silence."""

    @pytest.mark.parametrize("seed", range(25))
    def test_a_file_cut_at_any_byte(self, new_tracker: NewTracker, folder: Path, tmp_path: Path, seed: int) -> None:
        """Whatever is left of a file, to send all again gives the whole; readers before that see what is whole."""
        chance = random.Random(seed)
        calls = random_life(chance, tmp_path)

        def send() -> None:
            run = new_tracker().start_run("u", name="u", params={"lr": 0.5}, tags={"a": "x"}, time=START)
            for method, first, second in calls:
                getattr(run, method)(first, *([] if second is None else [second]))

        send()
        whole, path = recorded(folder, "u"), new_tracker().file("u")
        os.truncate(path, chance.randrange(path.stat().st_size))

        left = new_tracker().find_run("u")
        send()

        assert left is None or left.run_id == whole.run_id
        assert comparable(recorded(folder, "u")) == comparable(whole)
        assert path.read_bytes().endswith(b"\n")
        assert len(rows(path)) >= 1

    def test_lines_that_mean_nothing_go(self, new_tracker: NewTracker) -> None:
        """Zeros and halves that a power cut left are taken out; lines of others stay."""
        tracker = new_tracker()
        path = tracker.file("u")
        tracker.start_run("u", name="u", time=START).log([Point("loss", 0.5, 1, START)])
        good = path.read_bytes()
        path.write_bytes(good + b'\x00\x00\n{"event": "point", "na\n[]\n{"event": "mine"}\n{"event": "status", "sta')

        new_tracker().start_run("u", name="u", time=START).log([Point("loss", 0.5, 2, START)])

        assert path.read_bytes().startswith(good + b'{"event": "mine"}\n{"event": "point"')
        assert [row["event"] for row in rows(path)] == ["start", "point", "mine", "point"]

    def test_a_write_that_failed_half_way(self, new_tracker: NewTracker, monkeypatch: pytest.MonkeyPatch) -> None:
        """After a full disk the same tracker goes on with a whole file."""
        tracker = new_tracker()
        run, path = tracker.start_run("u", name="u", time=START), tracker.file("u")
        points = [Point("loss", step / 8, step, START) for step in range(100)]
        opened = Path.open

        class Full:
            """A file on a disk that holds 50 bytes more."""

            def __init__(self, file: Path) -> None:
                self.file = opened(file, "r+b")

            def __enter__(self) -> Full:
                return self

            def __exit__(self, *error: object) -> None:
                self.file.close()

            def seek(self, *where: int) -> None:
                self.file.seek(*where)

            def writelines(self, lines: list[bytes]) -> None:
                self.file.write(b"".join(lines)[:50])
                raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", lambda file, mode: Full(file))
            with pytest.raises(TrackerError, match="No space left") as caught:
                run.log(points)
        run.log(points)

        assert caught.value.retryable
        assert tracker.points(run.id) == points
        assert len(rows(path)) == 101

    def test_files_that_somebody_removed(self, new_tracker: NewTracker, folder: Path) -> None:
        """The run begins anew under another id, so that whoever sends knows that all is to be sent again."""
        tracker = new_tracker()
        run = tracker.start_run("u", name="u", params={"lr": 1}, time=START)
        run.log([Point("loss", 0.5, 1, START)])
        before = run.id
        shutil.rmtree(folder)

        run.log([Point("loss", 0.5, 2, START)])

        assert run.id != before
        assert tracker.points(run.id) == [Point("loss", 0.5, 2, START)]
        with pytest.raises(TrackerError, match=before):
            tracker.points(before)
        assert rows(tracker.file("u"))[0]["params"] == {"lr": 1}


class TestWhenItCannotBeWritten:
    """The file system's no is a TrackerError that names the file."""

    def test_a_folder_that_is_a_file(self, tmp_path: Path) -> None:
        """It will not get better by waiting."""
        (tmp_path / "runs").touch()

        with pytest.raises(TrackerError, match=str(tmp_path / "runs")) as caught:
            JsonlTracker(tmp_path / "runs").start_run("u", name="u", time=START)

        assert not caught.value.retryable

    def test_an_artifact_below_a_file(self, new_tracker: NewTracker, tmp_path: Path) -> None:
        """A name cannot be a file and a folder; the run goes on."""
        run = new_tracker().start_run("u", name="u", time=START)
        run.artifact(Path(__file__), "a")

        with pytest.raises(TrackerError, match="a"):
            run.artifact(Path(__file__), "a/b")
        run.finish("COMPLETE", START)

        assert new_tracker().find_run("u").status == "COMPLETE"


def test_many_runs_need_little_memory(new_tracker: NewTracker) -> None:
    """A run that nobody holds is forgotten after a while, and its file read again when it is wanted."""
    tracker = new_tracker()
    for number in range(200):
        tracker.start_run(f"{number}", name="run", time=START).log([Point("loss", 0.5, 1, START)])

    tracker.start_run("0", name="run", time=START).log([Point("loss", 0.5, 1, START), Point("loss", 0.25, 2, START)])

    assert len(tracker._runs) < 100
    assert len(rows(tracker.file("0"))) == 3
