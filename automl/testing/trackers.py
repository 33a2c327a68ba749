"""What every tracker does: suites for those that keep nothing, that keep runs, and that can be read back.

Each suite contains the one before. `RecordedRun` is the shape in which a test reads what a tracker holds.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackers import Point, ReadableTracker, Status, Tracker, TrackerError
from trackers.base import STATUSES

START = 1767225600.0
"""A moment, in seconds since the epoch. Times in these suites are whole or dyadic, so that milliseconds hold them."""

LIVES = 6
"""Random lives of a run that are cut and replayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRun:
    """What a tracker holds of one run, as its `read` fixture found it."""

    run_id: str
    name: str
    parent: str | None
    """The uid of the parent."""
    status: Status
    params: Mapping[str, str]
    tags: Mapping[str, str]
    """All tags, the tracker's own included."""
    points: Sequence[Point]
    artifacts: Mapping[str, bytes]


class TrackerCallContract:
    """What can be seen of a `trackers.Tracker` from outside: its calls can be made, and repeated.

    Fixture to give: `new_tracker`, a function that returns another tracker on the same store at each call.
    """

    def test_a_life_can_be_repeated(self, new_tracker: Callable[[], Tracker], tmp_path: Path) -> None:
        """Every call may be made again, on the same run or after another start; a run keeps its id."""
        (tmp_path / "file").touch()
        ids = set()
        for tracker in (new_tracker(), new_tracker()):
            for _ in range(2):
                run = tracker.start_run("u", name="u", params={"lr": 0.5}, tags={"a": "b"}, time=START)
                for _ in range(2):
                    run.log(Point("loss", value, 1, START) for value in (0.5, math.nan))
                    run.artifact(tmp_path / "file")
                    run.tag({"a": "c"})
                    run.finish("COMPLETE", START + 1)
                ids.add(run.id)

        assert len(ids) == 1

    def test_no_other_status_is_taken(self, new_tracker: Callable[[], Tracker]) -> None:
        """A word of some other vocabulary is the caller's mistake."""
        import pytest

        run = new_tracker().start_run("u", name="u", time=START)

        with pytest.raises(ValueError, match="FINISHED"):
            run.finish("FINISHED", START + 1)

    def test_a_bad_artifact_is_the_callers_mistake(self, new_tracker: Callable[[], Tracker], tmp_path: Path) -> None:
        """A file that is not there, or a name outside the run, is told apart from a tracker that is not there."""
        import pytest

        run = new_tracker().start_run("u", name="u", time=START)
        (tmp_path / "file").touch()

        with pytest.raises(FileNotFoundError, match=r"gone\.txt"):
            run.artifact(tmp_path / "gone.txt")
        for name in ("/etc/file", "../file", "a/../..", "."):
            with pytest.raises(ValueError, match="inside the run"):
                run.artifact(tmp_path / "file", name)


class TrackerContract(TrackerCallContract):
    """What a `trackers.Tracker` does that keeps runs.

    Fixtures to give: `new_tracker`; and `read`, a function from a uid to the RecordedRun that the store holds of it.
    """

    def test_a_started_run_is_recorded(
        self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]
    ) -> None:
        """Name, parent, params and tags arrive, and the run is RUNNING."""
        tracker = new_tracker()
        parent = tracker.start_run("study", name="the study", time=START)

        run = tracker.start_run(
            "study/0", name="trial 0", parent="study", params={"lr": 0.5, "opt": "sgd"}, tags={"host": "a"}, time=START
        )

        recorded = read("study/0")
        assert (recorded.run_id, recorded.name, recorded.parent) == (run.id, "trial 0", "study")
        assert recorded.status == "RUNNING"
        assert recorded.params == {"lr": "0.5", "opt": "sgd"}
        assert recorded.tags["host"] == "a"
        assert (read("study").run_id, read("study").parent) == (parent.id, None)

    def test_the_same_uid_is_the_same_run(
        self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]
    ) -> None:
        """A uid means one run, for the tracker that started it and for any later one; what was recorded stays."""
        first = new_tracker()
        run = first.start_run("u", name="first", params={"lr": 1}, tags={"host": "a"}, time=START)

        again = first.start_run("u", name="first", params={"lr": 1}, tags={"host": "a"}, time=START)
        later = new_tracker().start_run(
            "u", name="second", params={"lr": 2, "wd": 3}, tags={"host": "b"}, time=START + 1
        )
        other = new_tracker().start_run("v", name="first", time=START)

        assert run.id == again.id == later.id != other.id
        assert read("u").params == {"lr": "1", "wd": "3"}
        assert (read("u").name, read("u").tags["host"]) == ("first", "a")

    def test_a_parent_may_be_started_elsewhere(
        self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]
    ) -> None:
        """A child finds a parent that another tracker started."""
        new_tracker().start_run("study", name="the study", time=START)

        new_tracker().start_run("study/0", name="trial 0", parent="study", time=START)

        assert read("study/0").parent == "study"

    def test_a_parent_must_be_known(self, new_tracker: Callable[[], Tracker]) -> None:
        """A child of nobody is refused for good, and the message names the uid that is missing."""
        import pytest

        with pytest.raises(TrackerError, match="nobody") as caught:
            new_tracker().start_run("child", name="child", parent="nobody", time=START)

        assert not caught.value.retryable

    def test_points_arrive_whole(self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]) -> None:
        """Names, values, steps and times are kept, and so are two values of one step."""
        points = [
            Point("loss", 0.1, 1, START),
            Point("loss", -3.5e-9, 2, START + 0.5),
            Point("loss", 0.25, 2, START + 9),  # a second attempt
            Point("best/loss", 2, 2, START + 0.25),
        ]

        new_tracker().start_run("u", name="u", time=START).log(points)

        assert sorted(read("u").points) == sorted(points)

    def test_replayed_points_add_nothing(
        self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]
    ) -> None:
        """Points sent again, by the same tracker or another, alone or among new ones, are there once."""
        points = [Point("loss", step / 8, step, START + step) for step in range(5)]
        points.append(Point("loss", math.inf, 5, START + 5))
        run = new_tracker().start_run("u", name="u", time=START)
        run.log(points[:3])

        run.log(points[1:])
        new_tracker().start_run("u", name="u", time=START).log([*points, *points])

        assert sorted(read("u").points) == sorted(points)

    def test_odd_numbers_are_points_too(
        self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]
    ) -> None:
        """NaN and the infinities are kept, since a run that went wrong is what people look for; and NaN only once."""
        points = [Point("loss", value, 1 + step, START) for step, value in enumerate([math.nan, math.inf, -math.inf])]
        run = new_tracker().start_run("u", name="u", time=START)

        run.log(points)
        run.log(points)

        recorded = sorted(read("u").points, key=lambda point: point.step)
        assert [str(point.value) for point in recorded] == ["nan", "inf", "-inf"]

    def test_a_lot_at_once(self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]) -> None:
        """No call is too big: limits of a store are its adapter's business."""
        params = {f"p{number}": number for number in range(230)}
        points = [Point("loss", step / 8, step, START + step) for step in range(2300)]

        run = new_tracker().start_run("u", name="u", params=params, time=START)
        run.log(points)
        run.tag({f"t{number}": str(number) for number in range(230)})
        run.log([])

        recorded = read("u")
        assert recorded.params == {name: str(value) for name, value in params.items()}
        assert sorted(recorded.points) == sorted(points)
        assert {f"t{number}": str(number) for number in range(230)}.items() <= recorded.tags.items()

    def test_any_name_will_do(self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]) -> None:
        """Names that a store cannot hold are recorded under others, two of them never under one."""
        names = [
            "a@b",
            "a#b",
            "a_b",
            "",
            ".",
            "..",
            "/",
            "/a",
            "a/",
            "a//b",
            "../a",
            "é",
            "a b",
            "a\n",
            "'\"`",
            "x" * 999,
        ]

        run = new_tracker().start_run("u", name="u", params=dict.fromkeys(names, 1), time=START)
        run.log([Point(name, 1.0, 1, START) for name in names])
        run.tag(dict.fromkeys(names, "mark"))

        recorded = read("u")
        assert len(recorded.params) == len(names)
        assert len({point.name for point in recorded.points}) == len(names)
        assert list(recorded.tags.values()).count("mark") == len(names)

    def test_any_text_will_do(self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]) -> None:
        """Texts too long for a store are recorded so that those which differ still do; an empty one is fine."""
        long = "x" * 100_000
        texts = {"short": "x", "empty": "", "long": f"{long}a", "longer": f"{long}bc", "other": f"{long}d"}

        run = new_tracker().start_run("u", name="u", params=texts, tags=texts, time=START)
        run.tag({"later": long})

        recorded = read("u")
        for held in (recorded.params, recorded.tags):
            assert (held["short"], held["empty"]) == ("x", "")
            assert len({held["long"], held["longer"], held["other"]}) == 3
        assert recorded.tags["later"].startswith("xxx")

    def test_a_tag_is_replaced(self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]) -> None:
        """The last value of a tag wins, over one given at the start too."""
        run = new_tracker().start_run("u", name="u", tags={"phase": "one", "kept": "yes"}, time=START)

        run.tag({"phase": "two"})
        run.tag({"phase": "three", "new": "also"})

        assert {"phase": "three", "kept": "yes", "new": "also"}.items() <= read("u").tags.items()

    def test_every_status_is_kept(self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]) -> None:
        """Each of the five states can be read back, and setting it twice changes nothing."""
        tracker = new_tracker()
        for status in STATUSES:
            run = tracker.start_run(status, name=status, time=START)

            run.finish(status, START + 1)
            first = read(status)
            run.finish(status, START + 1)

            assert first.status == status
            assert read(status) == first

    def test_a_refused_status_changes_nothing(
        self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]
    ) -> None:
        """A word of some other vocabulary is refused before anything is written."""
        import pytest

        run = new_tracker().start_run("u", name="u", time=START)

        with pytest.raises(ValueError, match="KILLED"):
            run.finish("KILLED", START + 1)

        assert read("u").status == "RUNNING"

    def test_a_finished_run_can_be_logged_to(
        self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]
    ) -> None:
        """Points that come late are kept and leave the status alone."""
        run = new_tracker().start_run("u", name="u", time=START)
        run.finish("COMPLETE", START + 2)

        run.log([Point("test_loss", 0.5, 1, START + 3)])
        run.tag({"late": "yes"})

        assert list(read("u").points) == [Point("test_loss", 0.5, 1, START + 3)]
        assert (read("u").status, read("u").tags["late"]) == ("COMPLETE", "yes")

    def test_a_finished_run_can_go_on(
        self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun]
    ) -> None:
        """A pruned trial that a longer study promotes is RUNNING again, and no trace says PRUNED at its end."""
        new_tracker().start_run("u", name="u", time=START).finish("PRUNED", START + 1)

        run = new_tracker().start_run("u", name="u", time=START)
        run.finish("RUNNING", START + 2)
        meanwhile = read("u").status
        run.finish("COMPLETE", START + 3)

        assert (meanwhile, read("u").status) == ("RUNNING", "COMPLETE")
        assert "PRUNED" not in read("u").tags.values()

    def test_an_artifact_lands(
        self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun], tmp_path: Path
    ) -> None:
        """A file is copied under its own name or the one asked for; sent again it is replaced."""
        file = tmp_path / "space.yaml"
        file.write_bytes(b"one")
        run = new_tracker().start_run("u", name="u", time=START)

        run.artifact(file)
        run.artifact(str(file), "figures/the history.html")
        file.write_bytes(b"two")
        run.artifact(file)

        assert read("u").artifacts == {"space.yaml": b"two", "figures/the history.html": b"one"}

    def test_a_replay_after_a_cut_adds_nothing(
        self, new_tracker: Callable[[], Tracker], read: Callable[[str], RecordedRun], tmp_path: Path
    ) -> None:
        """However far a sender came, to send everything again from the start gives what one sending gives."""
        new_tracker().start_run("study", name="study", time=START)
        for seed in range(LIVES):
            chance = random.Random(seed)
            calls = random_life(chance, tmp_path)
            cut = chance.randrange(len(calls) + 1)

            _send(new_tracker(), f"whole-{seed}", calls)
            _send(new_tracker(), f"cut-{seed}", calls[:cut])
            _send(new_tracker(), f"cut-{seed}", calls)

            whole, again = read(f"whole-{seed}"), read(f"cut-{seed}")
            assert comparable(again) == comparable(whole), f"seed {seed}: cut after {cut} of {calls}"
            assert len(whole.points) == len({repr(point) for call in calls if call[0] == "log" for point in call[1]})


class ReadableTrackerContract(TrackerContract):
    """What a `trackers.ReadableTracker` does. `new_tracker` returns such trackers."""

    def test_what_is_not_there(self, new_tracker: Callable[[], ReadableTracker]) -> None:
        """A uid without a run is None, a parent without a run has no children, an id of no run is an error."""
        import pytest

        tracker = new_tracker()

        assert tracker.find_run("u") is None
        assert list(tracker.runs("u")) == []
        tracker.start_run("u", name="u", time=START)
        assert list(tracker.runs("u")) == []
        with pytest.raises(TrackerError):
            tracker.points("f" * 32)

    def test_a_run_is_read_as_it_is_stored(
        self, new_tracker: Callable[[], ReadableTracker], read: Callable[[str], RecordedRun]
    ) -> None:
        """What the tracker says of a run is what the store has, and what it said beforehand it would store."""
        tracker = new_tracker()
        params = {"lr": 0.1, "flag": True, "none": None, "a @ b": "x" * 9000, "list": [1, "a"], "odd": math.inf}
        points = [Point("a @ b", value, 1, START + 0.1234567) for value in (0.1, math.inf, -math.inf, math.nan)]
        run = tracker.start_run("u", name="the run", params=params, tags={"host": "a"}, time=START)
        run.log(points)
        run.finish("PRUNED", START + 1)

        found = new_tracker().find_run("u")

        assert found is not None
        assert (found.uid, found.run_id, found.name, found.status) == ("u", run.id, "the run", "PRUNED")
        assert found.params == read("u").params == tracker.stored_params(params)
        assert found.tags == read("u").tags
        stored = sorted(map(repr, map(tracker.stored_point, points)))
        assert sorted(map(repr, new_tracker().points(run.id))) == stored

    def test_children_are_listed_oldest_first(self, new_tracker: Callable[[], ReadableTracker]) -> None:
        """In the order of their times, not of their making; runs of another parent are not among them."""
        tracker = new_tracker()
        for parent in ("one", "two"):
            tracker.start_run(parent, name=parent, time=START)
        for number, second in enumerate((3, 1, 2)):
            tracker.start_run(f"one/{number}", name="trial", parent="one", time=START + second)
        tracker.start_run("two/0", name="trial", parent="two", time=START)

        children = new_tracker().runs("one")

        assert [run.uid for run in children] == ["one/1", "one/2", "one/0"]


def random_life(chance: random.Random, folder: Path) -> Sequence[tuple[str, Any, Any]]:
    """Return the calls of a run's life, as method and two arguments; files to keep are made in `folder`."""
    calls: list[tuple[str, Any, Any]] = []
    for number in range(chance.randrange(1, 10)):
        kind = chance.choice(["log", "log", "tag", "artifact", "finish"])
        if kind == "log":
            values = [chance.choice([0.5, -1e-9, math.nan, math.inf]) for _ in range(chance.randrange(4))]
            calls.append(("log", [Point("loss", value, chance.randrange(3), START + 1) for value in values], None))
        elif kind == "tag":
            calls.append(("tag", {chance.choice("ab"): str(number)}, None))
        elif kind == "artifact":
            path = folder / f"file-{number}-{chance.randrange(10**9)}"
            path.write_text(str(number))
            calls.append(("artifact", path, chance.choice(["x", "deep/y"])))
        else:
            calls.append(("finish", chance.choice(STATUSES), START + number))
    return calls


def comparable(run: RecordedRun) -> Mapping[str, Any]:
    """Return what two runs of the same life have in common; NaN is equal to itself."""
    return {
        "about": (run.name, run.parent, run.status, run.params),
        "tags": {name: run.tags.get(name) for name in "abc"},
        "points": sorted(map(repr, run.points)),
        "artifacts": run.artifacts,
    }


def _send(tracker: Tracker, uid: str, calls: Sequence[tuple[str, Any, Any]]) -> None:
    about: dict[str, Any] = {"name": "trial", "parent": "study", "params": {"lr": 0.5}, "tags": {"a": "x", "c": "y"}}
    run = tracker.start_run(uid, time=START, **about)
    for method, first, second in calls:
        getattr(run, method)(first, *([] if second is None else [second]))
