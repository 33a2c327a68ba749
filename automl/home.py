"""Where things lie: a home folder with a folder a study, and the tracker's store beside them.

automl_runs/
    mlflow.db  artifacts/             MLflow's store, shared by all studies of this home
    digits-1/
        ledger.db                     the truth (unless --storage says otherwise)
        study.yaml  space.yaml        what was asked, to read and to use again
        delivery-mlflow.json          how far delivery to this tracker is
        runs/                         a copy as text: a .jsonl a run (--tracker jsonl)
        trials/7/                     log, checkpoints/, artifacts/, attempt-1.json of trial 7
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from automl.errors import ConfigError, StudyNotFoundError
from automl.ledger.address import sqlite_url
from automl.ledger.queries import Reader
from search_spaces.scalars import shown

DEFAULT = "automl_runs"
LEDGER = "ledger.db"
NAME = re.compile(r"[\w][\w.\-]{0,199}")
LONGEST = 200
"""Bytes of a study's name, which is a folder's name too."""
_NOT_OURS = re.compile(r"artifacts|mlflow\.db.*", re.IGNORECASE)  # MLflow's, in the same folder
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds everything; nothing is created before a study is."""

    path: Path

    @classmethod
    def find(cls, path: str | Path | None = None) -> Home:
        """Return the home at `path`, or at $AUTOML_HOME, or ./automl_runs."""
        if path == "":
            raise ConfigError("--home is empty: give a folder, or leave it out")
        chosen = Path(path or os.environ.get("AUTOML_HOME") or DEFAULT)
        try:
            chosen = chosen.expanduser().absolute()
            is_file = chosen.exists() and not chosen.is_dir()
        except (OSError, RuntimeError) as error:  # a name that is too long, a user that nobody is
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"--home {shown(str(chosen))}: {reason}; give another folder") from error
        if is_file:
            raise ConfigError(f"--home {chosen} is a file; give a folder, existing or new")
        return cls(chosen)

    def study(self, name: str) -> Path:
        """Return the folder of a study.

        Raises:
            ConfigError: the name could not be a folder's.
        """
        if not NAME.fullmatch(name) or len(name.encode()) > LONGEST:
            bytes_ = "" if name.isascii() else "; letters beyond ASCII count twice or more"
            rule = f"1 to {LONGEST} letters, digits, '_', '-' and '.', not '.' first"
            raise ConfigError(f"study name {shown(name)}: use {rule}{bytes_}")
        if _NOT_OURS.fullmatch(name):
            raise ConfigError(f"study name {name!r}: that is where MLflow's store is; choose another name")
        return self.path / name

    def trial(self, study: str, number: int) -> Path:
        """Return the folder of a trial."""
        return self.study(study) / "trials" / str(number)

    def runs(self, study: str) -> Path:
        """Return the folder of a study's copy as text."""
        return self.study(study) / "runs"

    def ledger_url(self, study: str) -> str:
        """Return the URL of a study's own ledger."""
        return sqlite_url(self.study(study) / LEDGER)

    def studies(self) -> list[str]:
        """Return the names of the studies of this home, oldest first."""
        found = self.path.glob(f"*/{LEDGER}") if self.path.is_dir() else ()
        return [
            path.parent.name for path in sorted(found, key=lambda path: (path.parent.stat().st_ctime, path.parent.name))
        ]

    def read(self, study: str) -> Reader:
        """Open a study for reading.

        Raises:
            StudyNotFoundError: this home has none of that name.
        """
        if not (self.study(study) / LEDGER).is_file():
            import difflib

            names = self.studies()
            near = difflib.get_close_matches(study, names, n=3) or names[-3:]
            hint = f"; there is {', '.join(near)}" if near else "; it has no studies"
            raise StudyNotFoundError(f"no study {study!r} in {self.path}{hint}. See `automl ls`, or give --home")
        return Reader.open(self.ledger_url(study), study)

    def claim(self, stem: str) -> str:
        """Return the first of `free_names`, and make its folder, so that nobody else gets it."""
        return next(name for name in self.free_names(stem) if self.make(name))

    def free_names(self, stem: str) -> Iterator[str]:
        """Yield each `<stem>-<n>` that no study has, n counting from 1."""
        stem = re.sub(r"[^\w.\-]+", "-", stem).strip(".-") or "study"
        stem = stem.encode()[: LONGEST - 20].decode(errors="ignore")
        for n in itertools.count(1):
            name = f"{stem}-{n}"
            if self.namesake(name) is None and not self.study(name).exists():
                yield name

    def namesake(self, name: str) -> str | None:
        """Return the study called `name`, or like it but for case, which on many file systems is the same folder."""
        return next((each for each in self.studies() if each.casefold() == name.casefold()), None)

    def make(self, name: str) -> bool:
        """Make a study's folder; return False where there is one.

        Raises:
            ConfigError: it cannot be made here.
        """
        try:
            self.study(name).mkdir(parents=True)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno in _NO_SPACE:
                raise
            raise ConfigError(
                f"--home {self.path}: cannot make a folder there ({error.strerror}); give another one"
            ) from error
        return True

    def unclaim(self, name: str) -> None:
        """Remove a study's folder, and this home, unless something is in them: the study never came to be."""
        for folder in (self.path / name, self.path):
            with contextlib.suppress(OSError):
                folder.rmdir()

    @property
    def tracking_uri(self) -> str:
        """The URI of this home's own MLflow store."""
        return f"sqlite:///{self.path / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        """Where this home's MLflow store keeps files."""
        return self.path / "artifacts"
