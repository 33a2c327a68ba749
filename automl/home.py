"""Where things lie: a home folder with a folder a study, the tracker's store beside them, and the ledgers.

automl_runs/
    mlflow.db  artifacts/             MLflow's store, shared by all studies of this home
    digits-1/
        ledger.db                     the truth; with --storage it is in that database,
        ledger.json                   and this says which, so that nobody has to say it again
        study.yaml  space.yaml        what was asked, to read and to use again
        delivery-mlflow.json          how far delivery to this tracker is, and which runs it has made
        runs/                         a copy as text: a .jsonl a run (--tracker jsonl)
        trials/7/                     log, checkpoints/, artifacts/, attempt-1.json of trial 7
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl import durable, interrupts, private
from automl.errors import NO_SPACE, AutomlError, ConfigError, StudyMismatchError, StudyNotFoundError
from automl.ledger import address
from automl.ledger.queries import Reader
from automl.ledger.studies import opener, study_names
from automl.ledger.writer import create_study, discard_study
from search_spaces.errors import did_you_mean
from search_spaces.scalars import shown

DEFAULT = "automl_runs"
LEDGER, POINTER = "ledger.db", "ledger.json"
NAME = re.compile(r"[\w][\w.\-]{0,199}")
LONGEST = 200
"""Bytes of a study's name, which is a folder's name too."""
_NOT_OURS = re.compile(r"artifacts|mlflow\.db.*", re.IGNORECASE)  # MLflow's, in the same folder


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds everything but, with `storage`, the ledgers; nothing is created before a study is."""

    path: Path
    storage: str | None = field(default=None, repr=False)
    """URL, with its password, of the database that all ledgers are in; None where each study's folder says."""

    @classmethod
    def find(cls, path: str | Path | None = None, storage: str | None = None) -> Home:
        """Return the home at `path`, or at $AUTOML_HOME, or ./automl_runs; with its ledgers in `storage`, or in
        $AUTOML_STORAGE, or each in its study's folder.

        Raises:
            ConfigError: one of them cannot be.
        """
        problems: list[str] = []
        chosen, url = Path(), os.environ.get("AUTOML_STORAGE") or None if storage is None else storage
        try:
            chosen = _folder(path)
        except ConfigError as error:
            problems += error.problems
        try:
            url = None if url is None else address.storage(url)
        except ConfigError as error:
            problems += error.problems
        if problems:
            raise ConfigError(problems)
        return cls(chosen, url)

    @property
    def where(self) -> str:
        """Where its studies are, to be shown: without a password."""
        return str(self.path) if self.storage is None else address.shown(self.storage)

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
        """Return the URL of a study's ledger, as complete as it is known here.

        Raises:
            ConfigError: the folder of that name belongs to a study in another place.
        """
        folder = self.study(study)
        if self.storage is not None:
            if (folder / LEDGER).is_file():
                raise ConfigError(
                    f"study {study!r} in {self.path} has a ledger of its own: leave --storage and $AUTOML_STORAGE out, "
                    "or give another --home"
                )
            return self.storage
        if not (folder / POINTER).is_file():
            return address.sqlite_url(folder / LEDGER)
        found = durable.read_json(folder / POINTER)
        if not isinstance(found, dict) or not isinstance(found.get("storage"), str):
            raise ConfigError(f"{folder / POINTER} does not say where the study's ledger is; give --storage")
        return str(found["storage"])

    def ledger_address(self, study: str) -> str:
        """Return where a study's ledger is, to be shown: without a password."""
        return address.shown(self.ledger_url(study))

    def studies(self, *, waits: bool = False) -> list[str]:
        """Return the names of the studies in the storage, else of those in this folder, the oldest first.

        With `waits` a storage that seems to be starting is given some seconds.
        """
        if self.storage is not None:
            return study_names(self.storage, waits=waits)
        found = {file.parent for name in (LEDGER, POINTER) for file in self.path.glob(f"*/{name}")}
        return [folder.name for folder in sorted(found, key=lambda folder: (_made(folder), folder.name))]

    def read(self, study: str) -> Reader:
        """Open a study for reading.

        Raises:
            StudyNotFoundError: there is none of that name.
        """
        return self._opened(study, Reader.open)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Callable[[str], Reader]]:
        """Yield a `read` for many studies, which opens a server that has several of them only once."""
        with opener() as opened:
            yield lambda study: self._opened(study, opened)

    def _opened(self, study: str, opened: Callable[[str, str], Reader]) -> Reader:
        if self.storage is None and not self.has_folder(study):
            raise self._not_found(study)
        try:
            return opened(self.ledger_url(study), study)
        except StudyNotFoundError:
            raise self._not_found(study) from None

    def has_folder(self, study: str) -> bool:
        """Say whether there is a study's folder, whether its ledger can be read or not."""
        return any((self.study(study) / name).is_file() for name in (LEDGER, POINTER))

    def has_own_ledger(self, study: str) -> bool:
        """Say whether a study's ledger is, or would be, a file in its folder."""
        return self.storage is None and not (self.study(study) / POINTER).is_file()

    def namesake(self, study: str) -> str | None:
        """Return what the study in a folder is called, if somebody has renamed the folder."""
        return next(iter(study_names(self.ledger_url(study))), None) if self.has_own_ledger(study) else None

    def way_out(self, study: str) -> str:
        """Say what to do about a folder whose ledger has no study of its name."""
        name = self.namesake(study)
        return f"it is that of {name!r}: rename it back" if name else f"`automl rm {study}` removes its folder"

    def _not_found(self, study: str) -> StudyNotFoundError:
        names = [name for name in self.studies() if name != study]
        n = f"{len(names) or 'no'} {'study' if len(names) == 1 else 'studies'}"
        hint = did_you_mean(study, names) or f", which has {n}: see `automl ls`, or give --home"
        if self.has_folder(study):
            hint = f": its folder is here, but it is not in {self.ledger_address(study)}; {self.way_out(study)}"
        elif self.has_own_ledger(study) and (self.study(study) / "trials").is_dir():
            hint = (
                f": its folder is here, but {LEDGER} in it is gone: put back a copy of that, and resume; results that "
                "are newer than the copy are taken from the trials' folders"
            )
        return StudyNotFoundError(f"no study {study!r} in {self.where}{hint}")

    @private.files()
    def add(self, config: Mapping[str, Any], *, stem: str, name: str | None = None) -> str:
        """Add a study called `name`, or `<stem>-<n>` with the first n that nobody has; return its name.

        Of several processes that want a name, on several hosts too, one gets it.

        Raises:
            StudyMismatchError: the name is taken.
            ConfigError: its folder cannot be made.
        """
        while True:
            chosen = self.free_name(stem, name)
            try:
                with interrupts.raised(), interrupts.shielded():  # half a ledger would hold the name
                    self._add(chosen, config, is_given=name is not None)
            except StudyMismatchError:  # somebody was faster
                if name is not None:
                    raise
            except KeyboardInterrupt:
                self.discard(chosen)
                raise
            else:
                return chosen

    def free_name(self, stem: str, name: str | None = None) -> str:
        """Return `name`, or the first of `<stem>-<n>`, that no study has.

        Raises:
            StudyMismatchError: `name` is taken.
        """
        taken = {each.casefold(): each for each in self.studies()}
        if name is None:
            stem = re.sub(r"[^\w.\-]+", "-", stem).strip(".-") or "study"
            stem = stem.encode()[: LONGEST - 20].decode(errors="ignore")
            names = (f"{stem}-{n}" for n in itertools.count(1))
            return next(each for each in names if each.casefold() not in taken and not self.study(each).exists())
        namesake = taken.get(name.casefold())
        if namesake == name and self._is_unmade(name):
            return name
        if namesake is not None:
            differs = "" if namesake == name else f", which many file systems take for {name!r}"
            raise StudyMismatchError(
                f"study {namesake!r} exists in {self.where}{differs}: "
                f"go on with `automl resume {namesake}`, or choose another --name"
            )
        folder = self.study(name)
        if folder.exists() and any(folder.iterdir()):
            raise StudyMismatchError(f"{folder} holds files of something else: choose another --name")
        return name

    def _add(self, name: str, config: Mapping[str, Any], *, is_given: bool) -> None:
        folder = self.study(name)
        if not self._make(folder) and not is_given:
            raise StudyMismatchError(f"{folder} was made a moment ago")
        try:
            create_study(self.ledger_url(name), name, config)
        except BaseException:
            self._remove_if_empty(folder)
            raise
        self.settle(name)

    def _is_unmade(self, study: str) -> bool:
        """Say whether there is a ledger without a study: who made it was killed in between."""
        try:
            self.read(study).close()
        except StudyNotFoundError:
            return self.has_own_ledger(study) and self.namesake(study) is None
        except AutomlError:  # it is damaged, or does not answer
            pass
        return False

    def settle(self, study: str) -> None:
        """See to it that a study in a storage has its folder here, which names the storage."""
        if self.storage is not None:
            folder = self.study(study)
            self._make(folder)
            durable.write_json(folder / POINTER, {"storage": address.shown(self.storage)})

    def discard(self, study: str) -> None:
        """Take back a study that this process has made, unless it has begun."""
        with contextlib.suppress(AutomlError):
            if discard_study(self.ledger_url(study), study):
                shutil.rmtree(self.study(study), ignore_errors=True)
                self._remove_if_empty(self.path)

    def _make(self, folder: Path) -> bool:
        """Make a study's folder; return False where there is one."""
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno in NO_SPACE:
                raise
            raise ConfigError(
                f"--home {self.path}: cannot make a folder there ({error.strerror}); give another one"
            ) from error
        return True

    def _remove_if_empty(self, folder: Path) -> None:
        for each in {folder: None, self.path: None}:
            with contextlib.suppress(OSError):
                each.rmdir()

    @property
    def tracking_uri(self) -> str:
        """The URI of this home's own MLflow store."""
        path = str(self.path / "mlflow.db").replace("%", "%25").replace("?", "%3F")  # all that a URL reads otherwise
        return f"sqlite:///{path}"

    @property
    def artifacts(self) -> Path:
        """Where this home's MLflow store keeps files."""
        return self.path / "artifacts"


def _folder(path: str | Path | None) -> Path:
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
    return chosen


def _made(folder: Path) -> float:
    """Return when a study was made: its space is written then, the rest of its folder changes with each resume."""
    for path in (folder / "space.yaml", folder):
        with contextlib.suppress(FileNotFoundError):
            return path.stat().st_mtime
    return 0.0  # it is being deleted
