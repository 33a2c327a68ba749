"""Files of a study that are cut anywhere, or have another byte: what is whole counts, nothing is begun again unsaid.

A study that was killed in the middle (half of its ledger in the WAL, the last trial cut at a checkpoint) is copied, one
file of it is cut, and it is resumed as `automl resume` does, in this process. Each time it either goes on with all that
its files still prove, or is refused in one line.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl import attempt as attempts
from automl import driver, durable
from automl.doctor import audit
from automl.errors import AutomlError, TrialPruned
from automl.home import Home
from automl.trial import Trial, TrialState, checkpoint_steps, newest_checkpoint

TITLE = "Files cut anywhere"
NAME = "s"
TRIALS = 8
EPOCHS = 4
EMPTIED_IN, KILLED_IN = 4, 6
"""The trials in which SQLite empties the WAL into the ledger's main file, and in which the driver is killed."""
SHORT = 6
"""How many cuts of a kind a short helping makes, of all that there are."""
A_ROUND = 60
"""Most cuts of the WAL in one round."""
MEMORY = Path("/dev/shm")

Row = dict[str, Any]


def objective(trial: Trial) -> dict[str, float]:
    """Report and save four steps; each run that ends is noted outside of the study."""
    for step in range(trial.restored.step + 1 if trial.restored else 1, EPOCHS + 1):
        with trial.checkpoint(step) as folder:
            (folder / "step").write_text(str(step))
        if "AUTOML_TRUNCATION" in os.environ and step == 3:
            if trial.number == EMPTIED_IN:
                _empty_wal(trial.folder.parents[1] / "ledger.db")
            elif trial.number == KILLED_IN:
                os.kill(os.getpid(), signal.SIGKILL)
        trial.report(step, loss=trial.params["x"] + 1 / step)
        if trial.number == 2 and step == 2:
            raise TrialPruned
    with (trial.folder.parents[2] / "history").open("a") as history:
        history.write(f"{trial.number}\n")
    return {"loss": trial.params["x"]}


def _empty_wal(ledger: Path) -> None:
    """Have SQLite copy what is in the WAL to the main file, as it does every now and then."""
    with sqlite3.connect(ledger) as connection:
        assert connection.execute("PRAGMA wal_checkpoint").fetchone()[0] == 0
    connection.close()


def search(home: str) -> None:
    """Make the study, as a process that kills itself in the middle."""
    driver.search(
        objective, {"x": "0.0..1.0"}, name=NAME, metric="loss", direction="minimize", n_trials=TRIALS,
        max_epochs=EPOCHS, sampler="random", seed=3, executor="local", tracker="none", home=home, listeners=(),
    )  # fmt: skip


@dataclass
class Found:
    """What came of the cuts of one kind."""

    seed: int
    cut: str
    outcomes: Counter[str] = field(default_factory=Counter)
    entered: int = 0
    """Trials that the ledger had lost, taken from their files."""
    wrong: list[str] = field(default_factory=list)

    def listen(self, event: Mapping[str, Any]) -> None:
        """Hear how a study that is resumed was found."""
        self.entered += event.get("recovered", {}).get("entered", 0)

    def row(self) -> Row:
        return {
            "seed": self.seed,
            "ok": not self.wrong,
            "cut": self.cut,
            "cuts": sum(self.outcomes.values()),
            **dict(sorted(self.outcomes.items())),
            "entered": self.entered,
            "wrong": self.wrong[:5],
        }


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[Row]:
    """Yield what came of each kind of cut."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="automl-truncation-", dir=MEMORY if MEMORY.is_dir() else None) as temporary:
        folder = Path(temporary)
        made = _made(folder / "made")
        trials, ledger = made.study(NAME) / "trials", made.study(NAME) / "ledger.db"
        for cut, judge in (("result", _results), ("report-line", _reports), ("manifest", _manifests)):
            found = Found(seed, cut)
            judge(trials, folder / "files", found, every=7 if short else 1)
            yield found.row()
        pages, frames = _boundaries(ledger, 4096, 0), _boundaries(ledger.with_name("ledger.db-wal"), 4120, 32)
        found = Found(seed, "lost")
        for file in ("ledger.db-wal", "ledger.db-shm", "study.yaml", "space.yaml", "ledger.db"):
            for what in ("empty", "garbage behind", "gone")[: 1 if short else 2 if file == "ledger.db" else 3]:
                _resume(made, folder / "home", file, what, found)
        yield found.row()
        settled = Home(shutil.copytree(made.path, folder / "settled"))
        _empty_wal(settled.study(NAME) / "ledger.db")
        (settled.study(NAME) / "ledger.db-wal").unlink(missing_ok=True)
        parts = [("WAL", made, frames[first : first + A_ROUND]) for first in range(0, len(frames), A_ROUND)]
        rng.shuffle(parts)  # should the time not do for all of them, another helping has others
        for cut, home, cuts in [("ledger with a WAL", made, pages), ("ledger alone", settled, pages), *parts]:
            found = Found(seed, cut)
            for how in sorted(rng.sample(cuts, SHORT)) if short else cuts:
                _resume(home, folder / "home", "ledger.db-wal" if cut == "WAL" else "ledger.db", how, found)
            yield found.row()
            if short and cut == "WAL":
                return


def _made(folder: Path) -> Home:
    """Return a home with the study as a killed driver leaves it."""
    done = subprocess.run(
        [sys.executable, "-c", f"from tests.stress.truncation import search; search({str(folder)!r})"],
        env={**os.environ, "AUTOML_TRUNCATION": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != -signal.SIGKILL:
        raise RuntimeError(f"the search was to be killed, but: {done.stderr}")
    return Home(folder)


def _boundaries(file: Path, unit: int, first: int) -> list[int]:
    """Return where to cut a file: at each of its pages or frames, and one byte beside it."""
    size = file.stat().st_size
    at = {0, *range(first, size + 1, unit)}
    return sorted(cut for each in at for cut in (each - 1, each, each + 1) if 0 <= cut < size)


def _resume(made: Home, home: Path, file: str, how: int | str, found: Found) -> None:
    """Cut a file in a copy of the study, resume that, and judge what comes of it."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(made.path, home)
    copy = Home(home)
    path = copy.study(NAME) / file
    if isinstance(how, int):
        os.truncate(path, how)
    elif how == "gone":
        path.unlink()
    elif how == "empty":
        os.truncate(path, 0)
    else:
        with path.open("ab") as end:
            end.write(os.urandom(5000))
    finished = _results_on_disk(copy)
    before = (home / "history").read_text().split()
    try:
        driver.resume(NAME, objective, home=home, listeners=[found.listen])
    except AutomlError as error:
        found.outcomes["refused"] += 1
        if len(str(error).splitlines()) != 1:
            found.wrong.append(f"{file} {how}: refused in {len(str(error).splitlines())} lines: {error}")
        if _results_on_disk(copy) != finished:
            found.wrong.append(f"{file} {how}: refused, but results have gone")
        return
    except Exception as error:
        found.outcomes["broken"] += 1
        found.wrong.append(f"{file} {how}: {type(error).__name__}: {error}")
        return
    found.outcomes["resumed"] += 1
    again = [int(number) for number in (home / "history").read_text().split()[len(before) :]]
    with copy.read(NAME) as reader:
        records = {record.number: record for record in reader.records()}
    problems = [f"{problem.code}: {problem.message}" for problem in audit(copy, NAME).problems]
    lost = [n for n, value in finished.items() if n not in records or records[n].value != value]
    doubled = [number for number in again if number in finished]
    if lost or doubled or problems or sorted(records) != list(range(TRIALS)):
        what = f"lost {lost}, run again {doubled}, trials {sorted(records)}, doctor {problems}"
        found.wrong.append(f"{file} {how}: {what}")


def _results_on_disk(home: Home) -> dict[int, float]:
    """Return the value of each trial that is COMPLETE by its result file."""
    values = {}
    for folder in home.study(NAME).glob("trials/*"):
        for number in attempts.with_files(folder):
            ending = attempts.read_result(folder, number, metrics=["loss"])
            if ending is not None and ending.trial_state is TrialState.COMPLETE:
                values[int(folder.name)] = ending.values["loss"]
    return values


def _each_damage(content: bytes, every: int) -> Iterator[tuple[str, bytes]]:
    """Yield a file cut at each offset, and with each byte another one."""
    for at in range(0, len(content), every):
        yield f"cut at {at}", content[:at]
        yield f"another byte at {at}", content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :]


def _results(trials: Path, folder: Path, found: Found, *, every: int) -> None:
    """Cut and change a result: it is none then, or what it was."""
    was = attempts.read_result(trials / "0", 1, metrics=["loss"])
    for how, content in _each_damage((trials / "0" / "attempt-1.json").read_bytes(), every):
        _write(folder / "attempt-1.json", content)
        _judge(attempts.read_result(folder, 1, metrics=["loss"]), [None, was], how, found)
        _judge(attempts.is_damaged(folder, 1, metrics=["loss"]), [True], how, found)


def _reports(trials: Path, folder: Path, found: Found, *, every: int) -> None:
    """Cut and change report lines: one line is lost, or two where the end of one is; no other is misread."""
    was = attempts.read_reports(trials / "0", 1)
    for how, content in _each_damage((trials / "0" / "attempt-1.jsonl").read_bytes(), every):
        _write(folder / "attempt-1.jsonl", content)
        read = attempts.read_reports(folder, 1)
        _judge(all(report in was for report in read), [True], how, found)
        if how.startswith("cut"):
            _judge(read, [was[: len(read)]], how, found)
        else:
            _judge(len(was) - len(read) <= 2, [True], how, found)


def _manifests(trials: Path, folder: Path, found: Found, *, every: int) -> None:
    """Cut and change the files of a checkpoint, its manifest first: the one before is used, or nothing was changed."""
    source = trials / str(KILLED_IN)
    steps = checkpoint_steps(source, EPOCHS)
    for name in (durable.MANIFEST, "step"):
        for how, content in _each_damage((source / "checkpoints" / str(steps[0]) / name).read_bytes(), every):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(source, folder)
            _write(folder / "checkpoints" / str(steps[0]) / name, content)
            newest = newest_checkpoint(folder, EPOCHS)
            _judge(newest and newest.step, [steps[1]], f"{name} {how}", found)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _judge(seen: Any, right: Sequence[Any], how: str, found: Found) -> None:
    found.outcomes["right" if seen in right else "misread"] += 1
    if seen not in right:
        found.wrong.append(f"{how}: {seen!r}")


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return the lines of the page."""
    files = [row for row in rows if row["cut"] in ("result", "report-line", "manifest")]
    ledgers = [row for row in rows if row not in files]

    def total(which: Sequence[Mapping[str, Any]], key: str) -> int:
        return sum(row.get(key, 0) for row in which)

    return [
        (
            "Results, report lines and checkpoints, cut and changed at every offset: none is misread",
            f"{total(files, 'cuts')} cuts and changes, {total(files, 'misread')} misread",
            bool(files) and not total(files, "misread") and all(row["ok"] for row in files),
        ),
        (
            "Ledger and WAL, cut at each page and frame and one byte beside it, or lost: goes on with all that is "
            "whole, or is refused in one line",
            f"{total(ledgers, 'cuts')} cuts: {total(ledgers, 'resumed')} resumed ({total(ledgers, 'entered')} trials "
            f"taken from their files), {total(ledgers, 'refused')} refused, "
            f"{sum(len(row['wrong']) for row in ledgers)} otherwise",
            bool(ledgers) and all(row["ok"] for row in ledgers),
        ),
    ]
