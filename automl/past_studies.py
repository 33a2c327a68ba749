"""Which other studies one learns from, and what it reads of them: their results, as a `Past` each.

    pasts = read(home, config, ["digits-1", "auto"])    # before anything is created

`auto` are the studies of the home that are most like this one: they measure the same, on a target of the same kind, and
most parameters mean the same. A study that runs gives what it has so far.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from automl.config import StudyConfig
from automl.errors import AutomlError, ConfigError
from automl.home import Home
from automl.ledger.queries import Reader
from automl.preference import Preference
from automl.samplers.base import Params
from automl.samplers.past import Past
from automl.space_history import SpaceHistory
from automl.trial import TrialRecord, TrialState

AUTO = "auto"
MOST = 3
"""Studies that `auto` takes."""
LOOKED_AT = 100
"""Studies of a home that `auto` compares, the newest."""
ALIKE = 0.5
"""Least part of the parameters that must mean the same."""
ENOUGH = 5
"""Results without which a study is of no use to `auto`."""


def read(
    home: Home,
    config: StudyConfig,
    names: Sequence[str],
    *,
    name: str | None = None,
    elsewhere: Mapping[str, Home] | None = None,
) -> list[Past]:
    """Return what a study is to learn from.

    Args:
        home: where the studies are.
        config: of the study that is to learn.
        names: of other studies, and "auto" for those that are most like it.
        name: what it is called, if it is there already.
        elsewhere: name -> home of studies that lie in another one.

    Raises:
        ConfigError: a study is not there, is this one, has no results yet, or has no parameter in common with it.
    """
    problems: list[str] = []
    pasts: list[Past] = []
    named = [each for each in dict.fromkeys(names) if each != AUTO]
    for each in named:
        try:
            if each == name:
                raise ConfigError("is this study itself")
            with (elsewhere or {}).get(each, home).read(each) as reader:
                pasts.append(_checked(_past(each, reader, config.preference), config))
        except AutomlError as error:
            problems += [f"--warm-start {each}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return pasts + (_alike(home, config, but={*named, name}) if AUTO in names else [])


def unread(home: Home, name: str, config: StudyConfig) -> list[str]:
    """Return which other studies one has not read yet: those that it is told of now, all if it has never begun."""
    with home.read(name) as reader:
        study = reader.study()
    return [*config.warm_start][len(study.config.get("warm_start", ())) if study.seq else 0 :]


def told(config: StudyConfig, pasts: Iterable[Past]) -> str:
    """Return what is said of it before the first trial; "" where nothing is to be learnt."""
    lines = []
    for past in pasts:
        shared, n = past.shared(config.space), len(past.points)
        what = "" if past.aim == str(config.preference) else f" of another aim, {past.aim}"
        results = f"{n} results{what}" if n > 1 else f"1 result{what}"
        lines.append(f"{past.study}: {results}; {len(shared)} of {len(config.space.axes)} parameters in common")
    if lines:
        lines.append("their best points come first; gp trusts their results as far as they rank this study's own")
    elif AUTO in config.warm_start:
        lines.append("auto: no study here measures the same on parameters like these")
    return "\n".join(lines)


def _past(name: str, reader: Reader, wanted: Preference) -> Past:
    """Return the results of a study, judged by what is `wanted` where its trials measured that, else by its own aim."""
    own, spaces = reader.study().preference, SpaceHistory.read(reader)
    records = [record for record in map(spaces.shown, reader.records()) if record.params]
    for preference in (wanted, own):
        if results := _results(records, preference):
            return Past.of(name, spaces.current, results, aim=str(preference))
    return Past.of(name, spaces.current, _early(records, sign=reader.study().sign), aim=str(own))


def _results(records: Iterable[TrialRecord], preference: Preference) -> list[tuple[Params, float]]:
    """Return (point, loss) of COMPLETE trials that have what `preference` is about; of several metrics their rank."""
    done = [record for record in records if record.state is TrialState.COMPLETE]
    done = [record for record in done if all(math.isfinite(loss) for loss in preference.vector(record.values))]
    values = [record.values for record in done]
    losses = [preference.losses(each)[0] for each in values] if preference.is_plain else preference.order(values)
    return [(record.params, float(loss)) for record, loss in zip(done, losses, strict=True)]


def _early(records: Sequence[TrialRecord], *, sign: int) -> list[tuple[Params, float]]:
    """Return (point, loss) of the trials that came farthest, in a study of which none is COMPLETE."""
    farthest = max((record.step for record in records), default=0)
    at = [(record.params, sign * record.reports.get(farthest, math.nan)) for record in records]
    return [(params, loss) for params, loss in at if math.isfinite(loss)]


def _checked(past: Past, config: StudyConfig) -> Past:
    if not past.points:
        raise ConfigError("has no trial with a value yet")
    if not past.shared(config.space):
        theirs, ours = (", ".join(space) for space in (past.space, config.space))
        raise ConfigError(f"has no parameter in common with this study; it has {theirs}, this one {ours}")
    return past


def _alike(home: Home, config: StudyConfig, *, but: Collection[str | None]) -> list[Past]:
    """Return the studies that are most like one, the most alike first."""
    found: list[tuple[tuple[bool, float, float], Past]] = []
    with home.reading() as opened:
        for name in [each for each in home.studies() if each not in but][-LOOKED_AT:]:
            with contextlib.suppress(AutomlError, KeyError), opened(name) as reader:
                other = StudyConfig.from_dict(reader.study().config)
                if (other.kind, other.preference) != (config.kind, config.preference):
                    continue
                past = _past(name, reader, config.preference)
                likeness = past.likeness(config.space)
                if likeness >= ALIKE and len(past.points) >= ENOUGH:
                    rank = (other.target != config.target, -likeness, _distance(other, config))
                    found.append((rank, past))
    return [past for _, past in sorted(found, key=lambda each: each[0])[:MOST]]


def _distance(one: StudyConfig, other: StudyConfig) -> float:
    """Return by how many factors of e the numbers of rows differ, where both are known."""
    rows = [(config.data or {}).get("rows") for config in (one, other)]
    return abs(math.log(rows[0] / rows[1])) if rows[0] and rows[1] else 0.0
