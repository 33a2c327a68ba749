"""Secrets in twelve places around a search that is killed, resumed and delivered: none in any byte that it leaves.

A canary is a word that stands where a password would: in the environment, in URLs on the command line, in what the
objective raises and returns, in the remote of the folder's git repository. What the user wrote (the script, git's own
configuration, the command line) is the user's; every other file is read, and every process looked at.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from automl.cli.mlflow_server import free_port, serving
from tests.mlflow_template import template
from tests.postgres import Cluster, programs
from tests.stress.scene import MARK, PROGRAM, ROOT, SECONDS

TITLE = "Secrets in twelve places"
CANARY = "KANARIENVOGEL"  # in the objective, too, it stands whole: tracebacks show lines of code
USER = "eve"
ENVIRONMENT = {
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}-1",
    "HF_TOKEN": f"{CANARY}-2",
    "PGPASSWORD": f"{CANARY}-3",
    "MYSQL_PWD": f"{CANARY}-4",
    "DATABASE_URL": f"postgresql://ada:{CANARY}-5@127.0.0.1:1/x",
    "MLFLOW_TRACKING_PASSWORD": f"{CANARY}-6",
    "MLFLOW_TRACKING_USERNAME": "ada",
}
STORAGE, TRACKING, REMOTE = f"{CANARY}-7", f"{CANARY}-8", f"{CANARY}-9"
PLACES = 12
OBJECTIVE = f"""
import os, time
HERE = os.path.dirname(__file__)

def objective(trial):
    with open(os.path.join(HERE, "history"), "a") as file:
        held = sum("{CANARY}" in value for value in os.environ.values())
        file.write(f"{{trial.number}} {{held}}\\n")
    if trial.number == 1:
        raise RuntimeError("no route to postgresql://ada:{CANARY}-10@db.example/x")
    if trial.number == 2:
        raise KeyError("clone failed") from ValueError("https://{CANARY}-11@git.example/a.git")
    if trial.number == 3:
        return "postgresql://ada:{CANARY}-12@db.example/x"
    for step in range(1, 6):
        time.sleep(0.1)
        trial.report(step, loss=trial.params["x"] + 1 / step)
    return {{"loss": trial.params["x"]}}
"""


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Yield one round in this process's place of trials, or two with Ray, PostgreSQL and an MLflow server."""
    for number in range(1 if short else 2):
        yield play(seed + number, is_whole=not short)


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what was found in bytes, processes and environments."""
    files, size = (sum(row[key] for row in rows) for key in ("files", "bytes"))
    found, shown, seen, wide = (sum(len(row[key]) for row in rows) for key in ("found", "shown", "seen", "wide"))
    whole = [row for row in rows if row["executor"] == "ray"]
    return [
        (
            f"secrets in {PLACES} places, killed, resumed, delivered: 0 in any byte written",
            f"{found} in {files} files of {len(rows)} searches, {size / 1e6:.1f} MB",
            not found,
        ),
        ("0 in the process list, beside the user's own command line", f"{shown} found", not shown),
        ("0 in the environment of workers and of Ray", f"{seen} found in {len(whole)} searches with Ray", not seen),
        ("all files of the home 0600, folders 0700, with a umask of 000", f"{wide} are open to others", not wide),
    ]


def play(seed: int, *, is_whole: bool) -> dict[str, Any]:
    """Search, kill, resume, sync and look at the result; then read whatever there is."""
    folder = Path(tempfile.mkdtemp(prefix="c", dir="/tmp"))  # short: Ray keeps sockets in it
    round_ = _Round(folder, "ray" if is_whole else "local")
    try:
        with round_.surroundings(is_whole=is_whole):
            row = round_.play(seed)
        return row
    finally:
        for process in round_.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


class _Round:
    """One search in a folder of its own."""

    def __init__(self, folder: Path, executor: str) -> None:
        self.folder = folder
        self.executor = executor
        self.work, self.out, self.home = folder / "work", folder / "out", folder / "runs"
        for each in (self.work, self.out, folder / "tmp"):
            each.mkdir()
        (self.work / "train.py").write_text(OBJECTIVE)
        subprocess.run(["git", "init", "-q"], cwd=self.work, check=True, stdin=subprocess.DEVNULL)
        remote = f"https://ada:{REMOTE}@git.example/a.git"
        subprocess.run(["git", "remote", "add", "origin", remote], cwd=self.work, check=True)
        self.tracking = self.resumed_tracking = f"http://ada:{TRACKING}@127.0.0.1:1"
        self.storage = ""
        self.dump: Cluster | None = None
        self.codes: dict[str, int] = {}

    @contextlib.contextmanager
    def surroundings(self, *, is_whole: bool) -> Iterator[None]:
        """Let there be a tracker that answers, and a database with a password, where these are wanted."""
        store = self.folder / "mlflow.db"
        shutil.copyfile(template(), store)
        if not is_whole:  # the server that holds the password is never there, and the resumed study goes elsewhere
            self.resumed_tracking = f"sqlite:///{store}"
            yield
            return
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(
                serving(f"sqlite:///{store}", artifacts=self.folder / "artifacts", port=free_port())
            )
            self.tracking = self.resumed_tracking = server.address.replace("//", f"//ada:{TRACKING}@")
            if (found := programs()) is not None:
                self._serve(found, stack)
            yield

    def _serve(self, found: Path, stack: contextlib.ExitStack) -> None:
        folder = Path(tempfile.mkdtemp(prefix="automl-canary-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        self.dump = Cluster(folder, found)
        stack.callback(self.dump.stop)
        self.dump.execute(f"CREATE USER {USER} SUPERUSER PASSWORD '{STORAGE}'")
        name = self.dump.database().rpartition("/")[2]
        self.storage = self.dump.url(name, user=USER, password=quote(STORAGE))

    def play(self, seed: int) -> dict[str, Any]:
        """Play the round, and return what was found."""
        storage = ["--storage", self.storage] if self.storage else []
        search = ["search", "train.py:objective", "--name", "s", "-p", "x=0.0..1.0", "--metric", "loss", "--seed"]
        search += [str(seed), "--trials", "8", "--executor", self.executor, "--early-stopping", "none"]
        driver = self._start(*search, "--tracking-uri", self.tracking, *storage)
        self._wait_for(5, driver)
        shown, seen = self._look(driver.pid)
        self._keep_session()
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        self._wait_until_gone()
        resume = {"AUTOML_STORAGE": self.storage, "AUTOML_TRACKING_URI": self.resumed_tracking}
        verbs = [["resume", "s"], ["sync", "s"], ["show", "s", "2", "--log"]]
        if self.executor == "ray":
            verbs += [["doctor", "s"], ["show", "s", "1"], ["status", "s", "-f", "json"], ["show", "s", "-f", "yaml"]]
        for verb in verbs:
            self.codes[" ".join(verb[:2])] = self._start(*verb, **resume).wait(SECONDS)
        # A server that is not there: what is said of it, with a traceback.
        nowhere = f"postgresql://{USER}:{STORAGE}@127.0.0.1:1/x"
        self._start("ls", "--storage", nowhere).wait(SECONDS)
        self._start("show", "s", "-v", **resume | {"AUTOML_STORAGE": nowhere}).wait(SECONDS)
        if self.dump is not None:
            self._dump()
        files = [path for path in self.folder.rglob("*") if self._is_written(path)]
        held = [line.split() for line in (self.work / "history").read_text().splitlines()]
        if self.executor == "ray":
            seen += [f"trial {number}" for number, n in held if int(n)]
        found = [str(path.relative_to(self.folder)) for path in files if CANARY.encode() in path.read_bytes()]
        every = [self.home, *self.home.rglob("*")]
        wide = [f"{path.relative_to(self.folder)}" for path in every if path.lstat().st_mode & 0o077]
        return {
            "seed": seed,
            "executor": self.executor,
            "storage": "postgresql" if self.storage else "sqlite",
            "files": len(files),
            "bytes": sum(path.stat().st_size for path in files),
            "found": found,
            "shown": shown,
            "seen": seen,
            "wide": wide,
            "resumed": self.codes["resume s"],
            "ok": not (found or shown or seen or wide or self.codes["resume s"]) and len(files) > 10,
        }

    def _start(self, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a command with canaries around it; what it says goes to files."""
        number = len(list(self.out.iterdir()))
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOML_", "MLFLOW_"))}
        environment = clean | ENVIRONMENT | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.folder / "tmp")}
        environment |= {MARK: str(self.folder), "AUTOML_HOME": str(self.home), **more}
        with (self.out / f"{number:02}").open("wb") as out:
            return subprocess.Popen(
                [*PROGRAM, *arguments],
                cwd=self.work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                umask=0,
            )

    def _wait_for(self, trials: int, driver: subprocess.Popen[bytes]) -> None:
        """Wait until so many trials have begun."""
        history, deadline = self.work / "history", time.monotonic() + SECONDS
        while time.monotonic() < deadline and driver.poll() is None:
            if history.exists() and len(history.read_text().splitlines()) >= trials:
                return
            time.sleep(0.02)  # another process's file: there is no event to wait for
        raise AssertionError(f"the search came to no {trials} trials: {(self.out / '00').read_text()}")

    def _look(self, driver: int) -> tuple[list[str], list[str]]:
        """Return which processes show a canary among their arguments, and which of Ray's in their environment."""
        shown, seen = [], []
        for process in self.processes():
            with contextlib.suppress(psutil.Error, OSError):
                line = " ".join(process.cmdline())
                if CANARY in line and process.pid != driver:
                    shown.append(process.name())
                environment = Path(f"/proc/{process.pid}/environ").read_bytes()
                if "ray" in line and process.pid != driver and CANARY.encode() in environment:
                    seen.append(process.name())
        return shown, seen

    def _keep_session(self) -> None:
        """Copy what Ray has written so far: the session's folder goes with the driver."""
        for path in (self.folder / "tmp").rglob("*"):
            if path.is_file() and not path.is_symlink():
                copy = self.folder / "session" / path.relative_to(self.folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(path, copy)

    def _wait_until_gone(self) -> None:
        """Wait until what belonged to the driver has ended, or for as long as it may live on."""
        psutil.wait_procs(self.processes(), timeout=12)

    def processes(self) -> list[psutil.Process]:
        """Return the processes of this round."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if f"{MARK}={self.folder}".encode() in Path(f"/proc/{process.pid}/environ").read_bytes():
                    found.append(process)
        return found

    def _dump(self) -> None:
        """Write the rows of all tables of the database to a file, where they are read with the others."""
        assert self.dump is not None
        with (self.folder / "dump").open("w") as file:
            for table in ("studies", "trials", "attempts", "metrics", "events"):
                for row in self.dump.execute(f"SELECT t::text FROM {table} t", self.storage):
                    print(*row, file=file)

    def _is_written(self, path: Path) -> bool:
        """Whether a search has written this file, and not the user."""
        script, compiled = self.work / "train.py", self.work / "__pycache__"  # which Python makes of it
        is_theirs = path == script or compiled in path.parents or self.work / ".git" in path.parents
        return path.is_file() and not path.is_symlink() and not is_theirs and path.stat().st_size > 0


if __name__ == "__main__":
    for row in rounds(int(sys.argv[1]), short=len(sys.argv) < 3):
        print(row)
