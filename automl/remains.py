"""What the files of a study know that its ledger does not, and how it is entered there.

    found = bring_up_to_files(ledger, reader, folder)           # Counter({"entered": 2}); nothing is committed yet

A ledger falls behind its files when its end is lost: a WAL that was cut, a copy from yesterday that was put back. Each
attempt's files say whose they are (`attempt.Origin`), so attempts that the ledger has lost are entered again, and
trials too, with their params; what became of them is then read from their files as after any other crash. Files that
are of no trial of this ledger are set aside, so that nothing is mixed and nothing overwritten.
"""

from __future__ import annotations

import itertools
import os
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from automl import attempt as attempts
from automl import durable
from automl.attempt import Origin
from automl.config import StudyConfig
from automl.ledger.queries import Reader
from automl.ledger.rows import AttemptRow
from automl.ledger.writer import Writer
from automl.trial import AttemptState, TrialRecord

ASIDE = "aside"
"""Folder, in that of the study, of what belongs to no trial."""
_NUMBER = re.compile(r"0|[1-9]\d{0,8}")


def bring_up_to_files(ledger: Writer, reader: Reader, folder: Path) -> tuple[list[AttemptRow], Counter[str]]:
    """Add to the next transaction the attempts and trials that only their files know of.

    Returns the attempts, as rows that have begun and not ended, and how many trials were "entered", how many folders
    set "aside".
    """
    known = reader.size()
    unfinished = {record.number: record for record in reader.records(reader.unfinished())}
    entered: list[AttemptRow] = []
    lost: dict[int, list[Origin]] = {}
    found: Counter[str] = Counter()
    for path in _in_the_way(folder):
        _set_aside(folder, path)
        found["aside"] += 1
    for number in _trial_folders(folder):
        if number < known and number not in unfinished:
            continue  # it is finished: its files are history
        origins = _unknown_attempts(folder / "trials" / str(number), number, unfinished.get(number))
        if origins is None:
            _set_aside(folder, folder / "trials" / str(number))
            found["aside"] += 1
        elif number < known:
            entered += [_enter(ledger, origin) for origin in origins]
            found["entered"] += bool(origins)
        elif origins:
            lost[number] = origins
    for number in range(known, max(lost, default=-1) + 1):
        _ask_again(ledger, reader, number, lost.get(number, []))
        entered += [_enter(ledger, origin) for origin in lost.get(number, [])]
        found["entered"] += 1
    _forget_deliveries(folder, reader.study().seq)
    return entered, found


def lost_trials(folder: Path, records: Iterable[TrialRecord]) -> list[int]:
    """Return the trials of which files know more attempts than the ledger, which has `records`."""
    known = {record.number: record for record in records}
    return [
        number
        for number in _trial_folders(folder)
        if (not known[number].state.is_finished if number in known else number >= len(known))
        and _unknown_attempts(folder / "trials" / str(number), number, known.get(number))
    ]


def _unknown_attempts(path: Path, number: int, record: TrialRecord | None) -> list[Origin] | None:
    """Return the attempts in a trial's folder that come after those of the ledger; None if they are not the trial's."""
    begun = record.attempt if record else 0
    numbers = attempts.with_files(path)
    read = {k: origin for k in numbers if (origin := attempts.read_origin(path, k))}
    witness = next(iter(read.values()), None)
    if witness is None:  # of a version before, or damaged; or files of a trial that nobody ever started
        is_strange = max(numbers, default=0) > begun or (not begun and any(path.iterdir()))
        return None if is_strange else []
    params, seed = (record.params, record.seed) if record else (witness.params, witness.seed)
    if any((each.trial, each.params, each.seed) != (number, params, seed) for each in read.values()):
        return None
    return [read.get(k) or replace(witness, attempt=k) for k in range(begun + 1, max(numbers) + 1)]


def _ask_again(ledger: Writer, reader: Reader, number: int, origins: list[Origin]) -> None:
    """Enter a trial that the ledger has lost. Numbers have no gaps: where nothing is left of one, it is another now."""
    if origins:
        params, seed = origins[0].params, origins[0].seed
    else:
        config = StudyConfig.from_dict(reader.study().config)
        seed = random.Random(f"{config.seed}-lost-{number}").randrange(2**31)
        params = config.space.sample(random.Random(seed))
    ledger.ask(number=number, params=params, seed=seed)


def _enter(ledger: Writer, origin: Origin) -> AttemptRow:
    ledger.start(
        trial=origin.trial,
        attempt=origin.attempt,
        start_step=origin.start_step,
        resources=origin.resources,
        time=origin.started,
    )
    return AttemptRow(
        trial=origin.trial,
        number=origin.attempt,
        state=AttemptState.STARTED,
        start_step=origin.start_step,
        checkpoint=None,
        started=origin.started,
        ended=None,
        reason=None,
        resources=origin.resources,
    )


def _set_aside(folder: Path, path: Path) -> None:
    """Move what lies at `path` to where nobody takes it for that of a trial."""
    target = folder / ASIDE
    target.mkdir(exist_ok=True)
    path.rename(next(free for n in itertools.count(1) if not (free := target / f"{path.name}-{n}").exists()))


def _in_the_way(folder: Path) -> list[Path]:
    """Return what is no folder and lies where one has to be."""
    trials = folder / "trials"
    wanted = [trials, *(path for path in trials.glob("*") if _NUMBER.fullmatch(path.name))]
    return [path for path in wanted if os.path.lexists(path) and not path.is_dir()]


def _forget_deliveries(folder: Path, seq: int) -> None:
    """Let deliveries that are ahead of the ledger's `seq` begin again: what they have sent has other numbers now."""
    for path in folder.glob("delivery-*.json"):
        cursor = (durable.read_sealed(path) or {}).get("cursor")
        if isinstance(cursor, int) and cursor > seq:
            path.unlink()


def _trial_folders(folder: Path) -> list[int]:
    names = [path.name for path in (folder / "trials").glob("*") if path.is_dir()]
    return sorted(int(name) for name in names if _NUMBER.fullmatch(name))
