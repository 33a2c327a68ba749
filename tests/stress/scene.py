"""One round's own small search: its folder, its drivers, how they are killed, and what an auditor says in the end.

    with Scene.made(executor="local") as scene:
        scene.drive(scene.search, until="driver-after-tell:2")      # killed there
        scene.drive(scene.resume)                                   # 0
        scene.problems()                                            # []

The objective keeps a history in a file that the system under test never reads. What it says is compared with the
ledger, with Optuna's view of it, and with MLflow's tables, beside all that `automl doctor` compares.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

from automl.attempt import read_result
from automl.crash import Point
from automl.doctor import audit
from automl.errors import AutomlError
from automl.home import Home
from automl.ledger.rows import MetricRow
from automl.report.optuna_storage import open_storage
from automl.trial import AttemptState, TrialRecord, TrialState
from tests.mlflow_template import template
from tests.stress import forks

ROOT = Path(__file__).parents[2]
STUDY = "s"
MARK = "AUTOML_STRESS"
"""In the environment of every process of a round: its folder, by which leftovers are found."""
PROGRAM = [sys.executable, "-c", "import sys; from automl.cli import main; sys.exit(main())"]
SECONDS = 120.0
"""After which a driver that should have ended hangs."""
GONE_SECONDS = 10.0
"""That processes of a search may outlive its driver."""

OBJECTIVE = """
import os, time

HERE = os.path.dirname(__file__)

def note(trial, *what):
    with open(os.path.join(HERE, "history"), "a") as file:
        file.write(" ".join(map(str, [trial.number, *what])) + "\\n")

def arm():
    # A worker point of one process out of several: the first objective that comes by arms its own, for this attempt.
    try:
        os.rename(os.path.join(HERE, "arm"), os.path.join(HERE, "armed"))
    except FileNotFoundError:
        return
    with open(os.path.join(HERE, "armed")) as file:
        os.environ["AUTOML_CRASH"] = file.read()

def objective(trial):
    assert not (APART and os.environ.get("AUTOML_STORAGE")), "workers hold no password"
    first = trial.restored.step + 1 if trial.restored else 1
    note(trial, "start", first, os.getpid())
    arm()
    for step in range(first, trial.max_epochs + 1):
        time.sleep(SLEEP)
        loss = (trial.params["x"] - 0.3) ** 2 + 1 / step
        with trial.checkpoint(step) as folder:
            (folder / "step").write_text(str(step))
        note(trial, "report", step)
        trial.report(step, loss=loss)
    path = os.path.join(HERE, f"note-{trial.number}")
    with open(path, "w") as file:
        file.write(str(loss))
    trial.artifact(path, "note")
    note(trial, "end", repr(loss), os.getpid())
    return {"loss": loss}
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of a study when its driver had just died."""

    ended: Mapping[int, tuple[str, float | None]]
    """Trial -> state and value: of those in the ledger, and of those whose result was on disk."""
    lines: int
    """Of the history."""


@dataclass(kw_only=True)
class Scene:
    """A small search in a folder of its own."""

    folder: Path
    executor: str
    trials: int = 8
    epochs: int = 9
    target: str = ""
    """A task; default: the objective above."""
    storage: str | None = None
    """URL of a database for the ledger."""
    real: bool = False
    """Whether drivers are started as a user's shell does, with an interpreter of their own."""
    seed: int = 0
    options: Sequence[str] = ()
    """More of them for `automl search`."""
    tracker: str = "mlflow"
    """Its store is there already: no round pays for migrations."""
    deaths: list[Known] = field(default_factory=list)

    @classmethod
    @contextlib.contextmanager
    def made(cls, *, sleep: float = 0.0, **about: Any) -> Iterator[Self]:
        """Yield a scene in a temporary folder; at the end every process that is left of it is ended.

        Args:
            sleep: seconds that each step of the objective takes.
            **about: fields.
        """
        with tempfile.TemporaryDirectory(prefix="automl-stress-", ignore_cleanup_errors=True) as folder:
            scene = cls(folder=Path(folder), **about)
            script = OBJECTIVE.replace("SLEEP", repr(sleep)).replace("APART", repr(scene.executor == "ray"))
            (scene.folder / "train.py").write_text(script)
            scene.home.path.mkdir()
            if scene.tracker == "mlflow":
                shutil.copyfile(template(), scene.home.path / "mlflow.db")
            try:
                yield scene
            finally:
                for pid in scene.processes():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    # What a user types.

    @property
    def home(self) -> Home:
        return Home(self.folder / "runs", self.storage)

    @property
    def search(self) -> list[str]:
        """The words of `automl search`."""
        return self.search_as(STUDY)

    def search_as(self, name: str) -> list[str]:
        """Return the words of a search with another name."""
        own = ["-p", "x=0.0..1.0", "-p", "opt=adam|sgd", "-p", "width=1..64 log", "--metric", "loss"]
        return [
            "search", self.target or f"{self.folder}/train.py:objective", *([] if self.target else own),
            "--name", name, "--trials", str(self.trials), "--max-epochs", str(self.epochs), "--seed", str(self.seed),
            "--executor", self.executor, "--tracker", self.tracker, *self.options, *self._where,
        ]  # fmt: skip

    @property
    def resume(self) -> list[str]:
        """The words of `automl resume`."""
        return ["resume", STUDY, *self._where]

    @property
    def sync(self) -> list[str]:
        """The words of `automl sync`."""
        return ["sync", STUDY, "--home", str(self.home.path)]

    @property
    def _where(self) -> list[str]:
        return ["--home", str(self.home.path), "-q"]

    @property
    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOML_")}
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "RAY_USAGE_STATS_ENABLED": "0"}
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**kept, **quiet, MARK: str(self.folder), "AUTOML_STORAGE": self.storage or "", "PYTHONPATH": path}

    # Drivers, and how they die.

    def start(self, arguments: Sequence[str], **environment: str) -> BaseProcess | subprocess.Popen[bytes]:
        """Start a driver."""
        variables = self._environment | environment
        if not self.real:
            return forks.command(arguments, environment=variables, log=self.log)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*PROGRAM, *arguments],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def drive(
        self, arguments: Sequence[str], until: str = "", *, meanwhile: Callable[[], object] = lambda: None
    ) -> int:
        """Run a driver to its end, or until it is killed; return its exit code, -9 if it was.

        Args:
            arguments: words of the command line.
            until: none or several of these, with blanks in between: POINT:HIT of a crash point; `lines:N`, when the
                history has N lines; `seconds:S` after the start.
            meanwhile: called again and again.

        Raises:
            TimeoutError: it hangs; it was killed.
        """
        moments = dict(each.split(":") for each in until.split())
        points = [name for name in moments if name in [*Point]]
        crash = {"AUTOML_CRASH": f"{points[0]}:{moments[points[0]]}"} if points else {}
        process = self.start(arguments, **crash)
        began = time.monotonic()
        while (code := _ended(process)) is None:
            passed = time.monotonic() - began
            if passed > SECONDS:
                process.kill()
                raise TimeoutError(f"`automl {arguments[0]}` ran for {SECONDS:.0f} s: {self.said()[-2000:]}")
            is_due = passed >= float(moments.get("seconds", "inf"))
            if is_due or ("lines" in moments and len(self.history()) >= int(moments["lines"])):
                process.kill()
                moments.clear()
            meanwhile()
            time.sleep(0.005)  # files and processes of others: there is no event to wait for
        if code == -signal.SIGKILL:
            self.deaths.append(self.known())
        return code

    def goes_on(self) -> int:
        """Do what a user does who finds a driver gone: resume, or search where there is no study; return the code."""
        return self.drive(self.goes_on_with())

    def goes_on_with(self) -> list[str]:
        """Return the words of what a user types who finds a driver gone."""
        try:
            self.home.read(STUDY).close()
        except AutomlError:
            return self.search
        return self.resume

    @property
    def log(self) -> Path:
        """What drivers printed."""
        return self.folder / "log"

    def said(self) -> str:
        """Return what drivers, deliveries and trials printed."""
        study = self.home.study(STUDY)
        files = [self.log, *study.glob("*.log"), *study.glob("trials/*/log")]
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())

    def crashed(self) -> int:
        """Return how many processes died at a crash point."""
        return self.said().count("AUTOML_CRASH=")

    # What came of it.

    def history(self) -> list[list[str]]:
        """Return what the objective noted: a trial's number, a word, and more."""
        file = self.folder / "history"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def lost(self) -> list[int]:
        """Return the trials that had ended when a driver died, and are not the same now."""
        now = {n: (str(record.state), record.value) for n, record in self.records().items()}
        return sorted({n for known in self.deaths for n, ended in known.ended.items() if now.get(n) != ended})

    def rerun(self) -> list[int]:
        """Return the trials that had ended when a driver died, and were run again."""
        history = self.history()
        return sorted(
            {
                int(number)
                for known in self.deaths
                for number, what, *_ in history[known.lines :]
                if what == "start" and int(number) in known.ended
            }
        )

    def doubled(self) -> list[int]:
        """Return the trials that have two rows, two results or two runs."""
        with self.home.read(STUDY) as reader:
            uid, rows = reader.study().uid, Counter(record.number for record in reader.records())
            results = Counter(row.trial for row in reader.attempts() if row.state is AttemptState.RESULT)
        runs = Counter(int(run.removeprefix(f"{uid}/")) for run, *_ in self._runs() if "/" in run)
        return sorted({n for found in (rows, results, runs) for n, times in found.items() if times > 1})

    def records(self) -> dict[int, TrialRecord]:
        """Return the trials as the ledger has them."""
        with self.home.read(STUDY) as reader:
            return {record.number: record for record in reader.records()}

    def problems(self, *, patience: float = GONE_SECONDS) -> list[str]:
        """Return everything that is wrong with a study that should be finished, with every store and every process."""
        found = [f"process {pid} lives on: {_command(pid)}" for pid in self.left(patience)]
        notes = audit(self.home, STUDY).notes
        if any("automl sync" in note for note in notes):  # its delivery was killed, or slow: as the note says
            code = self.drive(self.sync)
            found += [] if code == 0 else [f"`automl sync` ended with {code}"]
        report = audit(self.home, STUDY)
        found += [f"doctor: {each.code} {each.trial}: {each.message}" for each in report.problems]
        found += [f"doctor: {note}" for note in report.notes if "automl sync" in note]
        records = self.records()
        if sorted(records) != list(range(self.trials)):
            found.append(f"the ledger has the trials {sorted(records)}, not 0 to {self.trials - 1}")
        found += [f"trial {n} is {record.state}" for n, record in records.items() if not record.state.is_finished]
        found += self._differs_in_optuna(records)
        found += self._differs_in_mlflow(records)
        if not self.target:
            found += self._differs_in_history(records)
        return found

    def left(self, patience: float = GONE_SECONDS) -> list[int]:
        """Return the processes of this scene that still live after `patience` seconds."""
        until = time.monotonic() + patience
        while (pids := self.processes()) and time.monotonic() < until:
            time.sleep(0.02)  # no children of ours
        return pids

    def processes(self) -> list[int]:
        """Return the processes of this scene that live: those with its mark, and those that were forked for it."""
        mark = f"{MARK}={self.folder}\0".encode()
        pids = Path(f"{self.log}.pids")
        forked = set(pids.read_text().split()) if pids.exists() else set()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                is_ours = mark in (process / "environ").read_bytes() or (
                    process.name in forked and b"forkserver" in (process / "cmdline").read_bytes()
                )
                if is_ours and (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found.append(int(process.name))
        return found

    def known(self) -> Known:
        """Look at the files that a dead driver left, without touching them: even to read a WAL may change it."""
        study = self.home.study(STUDY)
        with tempfile.TemporaryDirectory() as copy:
            home = self.home
            if self.storage is None:
                home = Home(Path(copy))
                home.study(STUDY).mkdir()
                for file in study.glob("ledger.db*"):
                    if not file.name.endswith("-shm"):
                        shutil.copyfile(file, home.study(STUDY) / file.name)
            try:
                with home.read(STUDY) as reader:
                    metric, records = reader.study().metric, reader.records()
                    running = {row.trial: row.number for row in reader.attempts() if row.state is AttemptState.STARTED}
            except AutomlError:  # it died before there was a study
                metric, records, running = "", [], {}
        ended = {record.number: (str(record.state), record.value) for record in records if record.state.is_finished}
        for trial, attempt in running.items():
            ending = read_result(study / "trials" / str(trial), attempt, metrics=[metric])
            if ending is not None and ending.trial_state is TrialState.COMPLETE:
                ended[trial] = (str(TrialState.COMPLETE), ending.values[metric])
        return Known(ended, len(self.history()))

    def _differs_in_optuna(self, records: Mapping[int, TrialRecord]) -> Iterator[str]:
        storage = open_storage(self.storage or self.home.study(STUDY))
        seen = storage.get_all_trials(storage.get_study_id_from_name(STUDY))
        view = {t.number: (t.state.name, t.values[0] if t.values else None, t.params) for t in seen}
        ledger = {n: (str(r.state), r.value, dict(r.params)) for n, r in records.items()}
        if self.target:  # its params have names and constants of their own
            view, ledger = ({n: each[:2] for n, each in found.items()} for found in (view, ledger))  # type: ignore[misc]
        for number in sorted({*ledger, *view}):
            if ledger.get(number) != view.get(number):
                yield f"trial {number} is {view.get(number)} to Optuna, {ledger.get(number)} in the ledger"

    def _differs_in_mlflow(self, records: Mapping[int, TrialRecord]) -> Iterator[str]:
        if self.tracker != "mlflow":
            return
        words = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED"}
        with self.home.read(STUDY) as reader:
            uid = reader.study().uid
            points: dict[int, list[MetricRow]] = {n: reader.metrics(n) for n in records}
        found: dict[str, list[tuple[str, dict[str, str], Counter[Any]]]] = {}
        for run, *rest in self._runs():
            found.setdefault(run, []).append(tuple(rest))  # type: ignore[arg-type]
        if len(found.get(uid, [])) != 1:
            yield f"MLflow has {len(found.get(uid, []))} runs of the study itself"
        for number, record in records.items():
            runs = found.get(f"{uid}/{number}", [])
            if len(runs) != 1:
                yield f"MLflow has {len(runs)} runs of trial {number}"
                continue
            status, params, metrics = runs[0]
            expected = Counter((row.name, row.step, round(row.time * 1000)) for row in points[number])
            if status != words.get(record.state) or (not self.target and params["x"] != str(record.params["x"])):
                yield f"trial {number} is {record.state} {dict(record.params)}, MLflow has {status} {params}"
            if metrics != expected:
                yield f"trial {number}: MLflow lacks {expected - metrics}, has too many {metrics - expected}"

    def _runs(self) -> list[tuple[str, str, dict[str, str], Counter[Any]]]:
        """Return MLflow's runs straight from its tables: uid, status, params, and how often it has each point."""
        file = self.home.path / "mlflow.db"
        if not file.exists():
            return []
        with contextlib.closing(sqlite3.connect(file)) as store:
            tagged = "SELECT t.value, r.run_uuid, r.status FROM runs r JOIN tags t USING (run_uuid)"
            runs = store.execute(f"{tagged} WHERE t.key = 'automl.uid' AND r.lifecycle_stage = 'active'").fetchall()
            params, points = "SELECT key, value FROM params", "SELECT key, step, timestamp FROM metrics"
            return [
                (
                    uid,
                    status,
                    dict(store.execute(f"{params} WHERE run_uuid = ?", [run]).fetchall()),
                    Counter(store.execute(f"{points} WHERE run_uuid = ? AND key NOT LIKE 'best/%'", [run]).fetchall()),
                )
                for uid, run, status in runs
            ]

    def _differs_in_history(self, records: Mapping[int, TrialRecord]) -> Iterator[str]:
        history = self.history()
        starts = Counter(int(number) for number, what, *_ in history if what == "start")
        ends = {int(number): value for number, what, value, *_ in history if what == "end"}
        with self.home.read(STUDY) as reader:
            attempts = Counter(row.trial for row in reader.attempts())
            steps = {n: {row.step for row in reader.metrics(n)} for n in records}
        for number, record in records.items():
            if starts[number] > attempts[number]:
                yield f"trial {number} ran {starts[number]} times, the ledger knows of {attempts[number]}"
            if record.state is not TrialState.COMPLETE:
                continue
            if ends.get(number) != repr(record.value):
                yield f"trial {number} is COMPLETE with {record.value!r}; its objective returned {ends.get(number)}"
            if steps[number] != set(range(1, self.epochs + 1)):
                yield f"trial {number} is COMPLETE, but the ledger has only its steps {sorted(steps[number])}"


def _ended(process: BaseProcess | subprocess.Popen[bytes]) -> int | None:
    """Return the exit code of a process that has ended."""
    return process.poll() if isinstance(process, subprocess.Popen) else process.exitcode


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return re.sub(r"\0", " ", Path(f"/proc/{pid}/cmdline").read_text())[:200]
    return "?"
