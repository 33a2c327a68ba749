"""MLflow's store is deleted, and filled again from the ledger alone: the second is compared with the first, row by row.

What is compared are all runs, the study's own with its figures among them: name, status, times, params, tags, every
point with its timestamp, artifacts. Ids that MLflow draws are not part of it.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlflow import MlflowClient

from automl.mirrors import position_of
from tests.stress.scene import STUDY, Scene
from trackers.mlflow import PARENT_TAG

TITLE = "MLflow's store is deleted, and filled again from the ledger"


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Delete the store of a finished search and rebuild it; unless `short`, by a plain sync too, and while it runs."""
    yield play(seed, "sync --rebuild")
    if not short:
        yield play(seed + 1, "sync")
        yield play(seed + 2, "the search itself")


def play(seed: int, by: str) -> dict[str, Any]:
    """Play a search whose store is deleted, at its end or in its middle, and filled again by `by`."""
    options = ["--early-stopping", "asha eta=2"]
    is_live = by == "the search itself"
    about: dict[str, Any] = {"trials": 16 if is_live else 6, "epochs": 9, "seed": seed, "options": options}
    with Scene.made(executor="local", sleep=0.1 if is_live else 0.0, **about) as scene:
        if is_live:
            problems, before = _deleted_while_it_runs(scene), {}
        else:
            codes = [scene.drive(scene.search), scene.drive(scene.sync)]
            before = snapshot(scene)
            _delete(scene)
            codes.append(scene.drive([*scene.sync, *by.split()[1:]]))
            problems = [] if codes == [0, 0, 0] else [f"exit codes {codes}"]
        if is_live:
            problems += scene.problems()  # what was not delivered when the search ended is, as it says, by a sync
        after = snapshot(scene)
        problems += [] if is_live else scene.problems()
    differ = sorted(uid for uid in {*before, *after} if before.get(uid) != after.get(uid)) if not is_live else []
    problems += [f"{uid}: {before.get(uid)} was, {after.get(uid)} is" for uid in differ]
    return {
        "seed": seed,
        "ok": not problems and len(after) == scene.trials + 1,
        "by": by,
        "runs": len(after),
        "points": sum(len(run["points"]) for run in after.values()),
        "files": sum(len(run["files"]) for run in after.values()),
        "statuses": sorted({run["status"] for run in after.values()}),
        "differ": len(differ),
        "problems": problems,
    }


def _delete(scene: Scene) -> None:
    for file in scene.home.path.glob("mlflow.db*"):
        file.unlink()
    shutil.rmtree(scene.home.artifacts, ignore_errors=True)


def _deleted_while_it_runs(scene: Scene) -> list[str]:
    """Delete the store when some trials are in it; return what is wrong with how the search ended."""
    driver = scene.start(scene.search)
    while position_of(scene.home.study(STUDY)).cursor < 30:
        time.sleep(0.01)  # a file of another process: there is no event to wait for
    _delete(scene)
    driver.join(120)  # type: ignore[union-attr]
    code = driver.exitcode  # type: ignore[union-attr]
    return [] if code == 0 else [f"the search ended with {code}"]


def snapshot(scene: Scene) -> dict[str, dict[str, Any]]:
    """Return all that MLflow has of the study, by the uid of each run."""
    with tempfile.NamedTemporaryFile(suffix=".db") as copy:  # MLflow keeps open what it has opened, deleted or not
        shutil.copyfile(scene.home.path / "mlflow.db", copy.name)
        return _snapshot(scene, MlflowClient(f"sqlite:///{copy.name}"))


def _snapshot(scene: Scene, client: MlflowClient) -> dict[str, dict[str, Any]]:
    with scene.home.read(STUDY) as reader:
        uid = reader.study().uid
    (experiment,) = [each for each in client.search_experiments() if each.name != "Default"]
    runs = [
        run for run in client.search_runs([experiment.experiment_id]) if run.data.tags["automl.uid"].startswith(uid)
    ]
    uids = {run.info.run_id: run.data.tags["automl.uid"] for run in runs}
    found = {}
    for run in runs:
        tags = {**run.data.tags}
        if PARENT_TAG in tags:
            tags[PARENT_TAG] = uids[tags[PARENT_TAG]]
        points = [
            (point.key, point.step, point.timestamp, repr(point.value))
            for key in sorted(run.data.metrics)
            for point in client.get_metric_history(run.info.run_id, key)
        ]
        about = {name: getattr(run.info, name) for name in ("run_name", "status", "start_time", "end_time")}
        files = _files(Path(unquote(urlsplit(run.info.artifact_uri).path)))
        found[uids[run.info.run_id]] = about | {
            "params": run.data.params,
            "tags": tags,
            "points": points,
            "files": files,
        }
    return found


def _files(folder: Path) -> dict[str, str]:
    """Return the sums of a run's artifacts; of figures, which have an id drawn for each, only that they are there."""
    return {
        str(file.relative_to(folder)): "" if file.suffix == ".html" else hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what is claimed of all these rounds."""
    total = {key: sum(row[key] for row in rows) for key in ("runs", "points", "files", "differ")}
    bad = sum(bool(row["problems"]) for row in rows)
    return [
        (
            "a store that was deleted is rebuilt equal: params, points with their times, tags, statuses, artifacts",
            f"{total['differ']} of {total['runs']} runs differ ({total['points']} points, {total['files']} files)",
            not bad,
        )
    ]
