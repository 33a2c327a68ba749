"""What is said before the first trial: what is searched, how, on what, and where the results go.

    output.facts(facts(home, "digits-1", config, capacity))

Whoever reads it can end a search that is not the one meant before it has cost anything.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from automl.cli import output
from automl.cli.spaces import describe
from automl.errors import StudyNotFoundError
from automl.redaction import without_password
from trackers.mlflow_address import why_silent

_PLURAL = {"number": "numbers", "category": "categories", "date": "dates"}

if TYPE_CHECKING:
    from automl.config import StudyConfig
    from automl.executors import Capacity
    from automl.home import Home
    from automl.policy import Policy
    from automl.samplers import Past


def facts(
    home: Home,
    name: str,
    config: StudyConfig,
    capacity: Capacity | None,
    pasts: Sequence[Past] | None = None,
    *,
    is_guessed: bool = False,
) -> list[tuple[str, str]]:
    """Return pairs of a name and what is to be said of it.

    Args:
        home: where the study is.
        name: of the study.
        config: its settings.
        capacity: what the executor found to run on; None before a cluster was asked.
        pasts: what it would learn of other studies; None of a study that is there, and has it in its ledger.
        is_guessed: whether the direction was told by the metric's name.
    """
    from automl import samplers, stopping

    chosen = _policy(home, name, config, capacity)
    settled = chosen.of(config) if chosen else config
    guessed = " (by its name; --direction says otherwise)" if is_guessed else ""
    where = str(home.study(name))
    if not home.has_own_ledger(name):
        where += f"\nledger in {home.ledger_address(name)}"
    if "mlflow" in config.trackers:
        uri = without_password(config.tracking_uri or home.tracking_uri)
        where += f"\nMLflow at {uri}" + (f": {output.command(home, 'ui', name)}" if home.has_folder(name) else "")
        if why := why_silent(config.tracking_uri or ""):
            sync = output.command(home, "sync", name)
            where += f"\nit does not answer ({why}): the search goes on, and `{sync}` delivers what will wait"
    if "jsonl" in config.trackers:
        where += f"\nJSON lines in {home.runs(name)}"
    return [
        ("study", name),
        ("target", f"{config.target}: {config.preference}{guessed}"),
        *table(config.target_column, config.data),
        ("space", describe(config.space)),
        *_learnt(home, name, config, pasts),
        ("sampler", samplers.explain(settled)),
        ("stopping", stopping.explain(settled.early_stopping, max_epochs=config.max_epochs)),
        *([("policy", chosen.why)] if chosen else []),
        ("budget", _budget(config)),
        ("machine", _machine(capacity)),
        *environment(config),
        ("seed", str(config.seed)),
        ("results", where),
    ]


def _learnt(home: Home, name: str, config: StudyConfig, pasts: Sequence[Past] | None) -> list[tuple[str, str]]:
    """Return what a study learns of others, if it is to learn of any."""
    from automl import past_studies
    from automl.known import Known

    if not config.warm_start:
        return []
    if pasts is None:
        with home.read(name) as reader:
            pasts = Known.read(reader).pasts
    return [("learns from", past_studies.told(config, pasts))]


def _policy(home: Home, name: str, config: StudyConfig, capacity: Capacity | None) -> Policy | None:
    """Return what was chosen for a study, or will be."""
    from automl import policy

    with contextlib.suppress(StudyNotFoundError), home.read(name) as reader:
        return policy.read(reader)
    return policy.choose(config, parallel=capacity.parallel if capacity else None)


def environment(config: StudyConfig) -> list[tuple[str, str]]:
    """Return which variables of this process its workers do not see, by name, and how to let one through."""
    from automl.executors.environment import Environment

    if config.executor == "local":
        return []  # it runs in this process
    missing = [name for name in config.env if name not in os.environ]
    held_back = Environment.of(os.environ, env=config.env, block=config.env_block).held_back
    lines = [f"{', '.join(held_back)}: not for workers; --env NAME lets one through"] if held_back else []
    lines += [f"{', '.join(missing)}: not set here, so workers get none"] if missing else []
    return [("environment", "\n".join(lines))] if lines else []


def table(column: str | None, found: Mapping[str, Any] | None, *, most: int = 12) -> list[tuple[str, str]]:
    """Return what was found in a table, if there is one: what is predicted, from how many rows, which columns.

    Args:
        column: to predict.
        found: `StudyConfig.data`.
        most: columns of a kind, and classes, that are named; the others are counted.
    """
    if found is None:
        return []
    if found["classes"] is None:
        predicted = f"a number from {found['range'][0]:.7g} to {found['range'][1]:.7g}"
    else:
        shares = [f"{label} {share:.1%}" for label, share in found["classes"].items()]
        predicted = f"{len(shares)} classes: {_some(shares, most)}"
    predicted += f"; default metric {found['default_metric']}" + (f"\n{found['hint']}" if found["hint"] else "")
    without = found["rows_without_target"]
    rows = f"{found['rows']:,} rows, split 60 / 20 / 20 % into train, validation and test"
    if without:
        rows += f"; {without:,} without {column} are left out"
    columns = [
        f"{len(names)} {kind if len(names) == 1 else _PLURAL[kind]}: {_some(names, most)}"
        for kind, names in found["columns"].items()
        if names
    ]
    left_out = [f"left out: {name} ({why})" for name, why in found["left_out"].items()]
    notes = [f"{name}: {note}" for name, note in found["notes"].items()]
    return [
        ("predict", f"{column}, {found['problem']}, {predicted}"),
        ("rows", rows),
        ("columns", "\n".join([*columns, *left_out, *notes])),
    ]


def _some(words: Sequence[str], n: int) -> str:
    return ", ".join(words[:n]) + (f" and {len(words) - n} more" if len(words) > n else "")


def _budget(config: StudyConfig) -> str:
    epochs = f" of up to {config.max_epochs} steps" if config.max_epochs else ""
    time = f", at most {output.duration(config.timeout)}" if config.timeout else ""
    compute = f", at most {config.budget}" if config.budget else ""
    ends = [
        f"at {config.metric} {output.short(config.target_value)}" if config.target_value is not None else "",
        f"after {config.patience} trials without a better one" if config.patience else "",
        f"when an hour more promises less than {output.short(config.worth)}" if config.worth else "",
    ]
    text = f"{config.n_trials} trials{epochs}{time}{compute}"
    text += "; ends " + ", ".join(filter(None, ends)) if any(ends) else ""
    best = "one" if config.confirm == 1 else str(config.confirm)
    return text + (f"; then the best {best} again with {config.confirm_seeds} other seeds" if config.confirm else "")


def _machine(capacity: Capacity | None) -> str:
    if capacity is None:
        return "a Ray cluster, which is asked when the search starts"
    gpus = f" and {capacity.gpus:g} GPU" if capacity.gpus else ""
    return f"{capacity.devices}; {capacity.parallel} at once, {capacity.cpus:g} CPU{gpus} each"
