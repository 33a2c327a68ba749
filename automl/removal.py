"""Deleting a study for good, safely: nobody runs it meanwhile, and a deletion that was cut can be done again.

    found = look(home, "digits-1")
    found.trials, found.bytes               # 20, 3481232
    remove(home, "digits-1")

The study's folder and its rows in the ledger go. What a tracker has stays: it may be shared, and has its own ways.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from automl import delivery, mirrors
from automl.config import TRACKERS
from automl.errors import AutomlError, ConfigError, LeaseLostError, ResourceExhaustedError, StudyNotFoundError
from automl.home import Home
from automl.ledger import lease
from automl.ledger.database import LedgerError, connect
from automl.ledger.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Removable:
    """What would go with a study."""

    name: str
    state: str
    """As of a study, or "damaged" where the ledger cannot be read."""
    trials: int | None
    bytes: int
    """Of all files in the study's folder."""
    tracking_uri: str | None
    """Where a copy stays: MLflow's, if it has one."""
    experiment: str | None
    """What it is called there."""


def look(home: Home, name: str) -> Removable:
    """Return what would go with a study.

    Raises:
        StudyNotFoundError: there is none of that name.
        ConfigError: its folder is a link to another place.
        LeaseLostError: a driver that lives runs it.
    """
    folder = home.study(name)
    if folder.is_symlink():
        raise ConfigError(f"{folder} is a link to {folder.resolve()}: nothing is removed through a link; remove both")
    size = sum(path.lstat().st_size for path in _files(folder))
    try:
        with home.read(name) as reader:
            study, counts = reader.study(), reader.counts()
    except (LedgerError, StudyNotFoundError) as error:
        if not _is_ruin(home, name, error):
            raise
        return Removable(name=name, state="damaged", trials=None, bytes=size, tracking_uri=None, experiment=None)
    if study.owner is not None:
        raise lease.refusal(name, study.owner)
    copies = [copy for copy in mirrors.of(home, study) if copy.tracker == "mlflow"]
    return Removable(
        name=name,
        state=study.state,
        trials=sum(counts.values()),
        bytes=size,
        tracking_uri=next((copy.where for copy in copies if any(counts.values()) or copy.position().runs), None),
        experiment=mirrors.experiment(study),
    )


def remove(home: Home, name: str) -> None:
    """Delete a study. Its ledger goes last: until then it is listed, and can be removed again.

    Raises:
        LeaseLostError: a driver that lives runs it, or its delivery is at work.
    """
    folder = home.study(name)
    if not home.has_folder(name):
        home.settle(name)  # it was made in another home, whose files stay
    with _held(home, name) as ledger, delivery.only_one(folder, TRACKERS) as is_ours:
        if not is_ours:
            raise LeaseLostError(f"study {name!r} is being delivered to its tracker; try again when that is through")
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif not path.name.startswith("ledger."):
                path.unlink()
        if ledger is not None and not home.has_own_ledger(name):
            ledger.erase()
        shutil.rmtree(folder)


@contextlib.contextmanager
def _held(home: Home, name: str) -> Iterator[Writer | None]:
    """Hold the study's lease for the block, so that nobody takes it.

    A ledger of its own that cannot be written, because it is damaged or the disk is full, is no reason to keep it.
    """
    try:
        ledger = Writer.open(connect(home.ledger_url(name), create=True, waits=True), name)
    except (LedgerError, ResourceExhaustedError, StudyNotFoundError) as error:
        if not _is_ruin(home, name, error):
            raise
        yield None
        return
    try:
        yield ledger
    finally:
        ledger.abandon()


def _is_ruin(home: Home, name: str, error: AutomlError) -> bool:
    """Say whether there is a folder whose ledger is broken or empty, or is gone from the database that it was in."""
    if not home.has_folder(name):
        return False
    if isinstance(error, StudyNotFoundError):
        return home.namesake(name) is None  # else it is whole, under another name
    return home.has_own_ledger(name)


def _files(folder: Path) -> Iterator[Path]:
    """Yield every file under a folder, following no link."""
    for where, _, names in os.walk(folder):
        yield from (Path(where) / name for name in names)
