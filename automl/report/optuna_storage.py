"""A ledger as Optuna sees storages, to look at: its plots, its importance of parameters, its dashboard.

    study = optuna.load_study(study_name="digits-1", storage=automl.open_storage())
    optuna.visualization.plot_slice(study)

Nothing can be written through it: there is one writer of a study, and that is its driver. What is read is the present,
so a plot drawn again, or a dashboard left open, follows a search that goes on.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from automl.errors import ReadOnlyError, StudyNotFoundError
from automl.home import Home
from automl.ledger import address
from automl.ledger.queries import Reader
from automl.ledger.rows import StudyRow
from automl.ledger.studies import study_names
from automl.preference import Preference
from automl.samplers.optuna_study import directions, distributions, frozen
from automl.space_history import SpaceHistory
from automl.trial import TrialRecord
from search_spaces import Constant, SearchSpace

_NUMBER_BITS = 32  # of a trial's id; those above are its study's. JavaScript, which the dashboard is, has 53
_SHOWN = ("target", "metric", "constraints", "n_trials", "max_epochs", "timeout", "sampler", "early_stopping", "seed")


def open_storage(source: str | Path | None = None) -> LedgerStorage:
    """Return a view of ledgers for whatever takes an Optuna storage.

    Args:
        source: the name of a study, a study's folder or its `ledger.db`, a home folder with all of its studies, or the
            URL of a database; default: $AUTOML_STORAGE, else the home at
            $AUTOML_HOME or ./automl_runs.

    Raises:
        StudyNotFoundError: there is no study.
        ConfigError: the URL is malformed.
    """
    found = _Folders(Home.find()) if source is None else _source(source)
    if not found.names():
        raise StudyNotFoundError(f"there are no studies in {found}; give a study, its folder, its home or a URL")
    return LedgerStorage(found)


def _source(given: str | Path) -> _Source:
    path = Path(given).expanduser().absolute()
    if "://" in str(given):
        return _Database(address.storage(str(given)))
    if path.is_file():
        return _Database(address.sqlite_url(path))
    if path.is_dir():
        is_study = path.name in Home(path.parent).studies()
        return _Folders(Home(path.parent), path.name) if is_study else _Folders(Home(path))
    if len(Path(given).parts) > 1:
        raise StudyNotFoundError(f"there is no {path}; give a study, its folder, its home or a URL")
    return _Folders(Home.find(), str(given))


class _Source(Protocol):
    """Where studies are."""

    def names(self) -> Sequence[str]:
        """Return the names of the studies."""

    def read(self, name: str) -> Reader:
        """Open one."""


@dataclass(frozen=True, slots=True)
class _Database:
    """All studies of one database."""

    url: str

    def names(self) -> Sequence[str]:
        return study_names(self.url)

    def read(self, name: str) -> Reader:
        return Reader.open(self.url, name)

    def __str__(self) -> str:
        return address.shown(self.url)


@dataclass(frozen=True, slots=True)
class _Folders:
    """All studies of a home, or one."""

    home: Home
    only: str | None = None

    def names(self) -> Sequence[str]:
        if self.only is None:
            return self.home.studies()
        self.home.read(self.only).close()  # says what there is if it is not there
        return [self.only]

    def read(self, name: str) -> Reader:
        return self.home.read(name)

    def __str__(self) -> str:
        return self.home.where


class LedgerStorage(BaseStorage):
    """Ledgers as a storage of Optuna's that can only be read.

    States are those of the ledger: a paused trial is RUNNING, since to Optuna what is PRUNED never changes again.
    """

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._names: list[str] = []  # a study's place in it is its id, also when another is removed
        self._read: dict[int, tuple[StudyRow, list[FrozenTrial]]] = {}  # trials, as they were at that row

    # What is read of studies.

    def get_all_studies(self) -> list[FrozenStudy]:
        found = []
        for name in self._source.names():
            study_id = self._id(name)
            row = self._row(study_id)
            found.append(
                FrozenStudy(
                    study_name=name,
                    direction=None,
                    directions=_directions(row),
                    user_attrs=_study_attrs(row),
                    system_attrs={},
                    study_id=study_id,
                )
            )
        return found

    def get_study_id_from_name(self, study_name: str) -> int:
        names = self._source.names()
        if study_name not in names:
            raise KeyError(f"no study {study_name!r} in {self._source}; there is {', '.join(names)}")
        return self._id(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        if not 0 <= study_id < len(self._names):
            raise KeyError(f"no study has the id {study_id}")
        return self._names[study_id]

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return _directions(self._row(study_id))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return _study_attrs(self._row(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        self.get_study_name_from_id(study_id)
        return {}

    # What is read of trials.

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[OptunaState] | None = None
    ) -> list[FrozenTrial]:
        trials = [trial for trial in self._trials(study_id) if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def get_trial(self, trial_id: int) -> FrozenTrial:
        study_id, number = trial_id >> _NUMBER_BITS, trial_id % (1 << _NUMBER_BITS)
        trials = self._trials(study_id)
        if number >= len(trials):
            raise KeyError(f"study {self.get_study_name_from_id(study_id)!r} has no trial {number}")
        return trials[number]

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        return self.get_trial(_trial_id(study_id, trial_number))._trial_id

    # What is not written.

    def _refuse(self, *arguments: Any, **named: Any) -> NoReturn:
        raise ReadOnlyError(
            "this view of a ledger can only be read: search with `automl search`, and go on with `automl resume STUDY`"
        )

    create_new_study = delete_study = set_study_user_attr = set_study_system_attr = _refuse
    create_new_trial = set_trial_param = set_trial_state_values = set_trial_intermediate_value = _refuse
    set_trial_user_attr = set_trial_system_attr = _refuse

    def _id(self, name: str) -> int:
        if name not in self._names:
            self._names.append(name)
        return self._names.index(name)

    def _row(self, study_id: int) -> StudyRow:
        with self._open(study_id) as reader:
            return reader.study()

    def _trials(self, study_id: int) -> list[FrozenTrial]:
        """Return the trials as they are now: read anew when the ledger has changed."""
        with self._open(study_id) as reader:
            row = reader.study()
            known, trials = self._read.get(study_id, (None, []))
            if known is None or (known.uid, known.seq) != (row.uid, row.seq):
                spaces = SpaceHistory.read(reader)
                now = distributions(spaces.current)
                trials = []
                for record in reader.records():
                    # Optuna's tools compare distributions by name: the present ones stand wherever they fit.
                    fits = spaces.shown(record).params
                    kinds = now if fits else distributions(spaces.of(record.origin))
                    trials.append(_trial(record, kinds, study_id, row.preference))
                self._read[study_id] = row, trials
            return trials

    @contextlib.contextmanager
    def _open(self, study_id: int) -> Iterator[Reader]:
        try:
            with self._source.read(self.get_study_name_from_id(study_id)) as reader:
                yield reader
        except StudyNotFoundError as error:  # it was removed meanwhile
            raise KeyError(str(error)) from error


def _directions(row: StudyRow) -> list[StudyDirection]:
    return directions(row.preference)


def _study_attrs(row: StudyRow) -> dict[str, Any]:
    """Return how a study was made and where it stands."""
    space = SearchSpace.from_dict(row.config["space"])
    constants = {name: item.value for name, item in space.items() if isinstance(item, Constant)}
    attrs = {name: row.config.get(name) for name in _SHOWN} | {"state": row.state, "constants": constants or None}
    return {name: value for name, value in attrs.items() if value is not None}


def _trial(
    record: TrialRecord, kinds: Mapping[str, BaseDistribution], study_id: int, preference: Preference
) -> FrozenTrial:
    trial = frozen(record, kinds, OptunaState[record.state], preference)
    trial._trial_id = _trial_id(study_id, record.number)
    trial.user_attrs = _trial_attrs(record, preference.metrics)
    return trial


def _trial_attrs(record: TrialRecord, metrics: Sequence[str]) -> dict[str, Any]:
    """Return what a trial has and Optuna has no field for, the other metrics that were returned among it."""
    others = {f"metrics/{name}": value for name, value in record.values.items() if name not in metrics}
    attrs: Mapping[str, Any] = {
        "attempts": record.attempt,
        "seconds": round(record.seconds, 3),
        "seed": record.seed,
        "reason": record.reason and record.reason.value,
        "message": record.message or None,
        "paused": record.paused or None,
        "confirms": record.confirms,
    }
    return {name: value for name, value in attrs.items() if value is not None} | others


def _trial_id(study_id: int, number: int) -> int:
    return study_id << _NUMBER_BITS | number
