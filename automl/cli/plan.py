"""`automl search --dry-run`: what a search would do, and the study file that asks for it.

    automl search digits --trials 20 --dry-run      # writes digits.study.yaml
    automl search digits.study.yaml                 # does it, with the same seed

Nothing else is made: no home, no claim on a name, no cluster.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from automl.cli import output, preflight
from automl.cli.output import Format
from automl.cli.spaces import listed

if TYPE_CHECKING:
    from automl.attempt import Objective
    from automl.config import StudyConfig
    from automl.home import Home
    from automl.samplers import Past

_SEED = re.compile(r"^seed: ([0-9]{1,10})$", re.MULTILINE)
_HEAD = "Written by `automl search --dry-run`; `automl search` of this file runs it."


def show(
    home: Home,
    config: StudyConfig,
    objective: Objective,
    pasts: Sequence[Past] = (),
    *,
    more: Mapping[str, str | None],
    is_guessed: bool,
    is_seeded: bool,
    format: Format,
    json: bool,
) -> None:
    """Print the plan of a study and write its file.

    Args:
        home: where the study would be.
        config: its settings.
        objective: what its trials would run.
        pasts: what it would learn of other studies.
        more: what was given besides, by its key: the name, or None for the first that is free, home and storage.
        is_guessed: whether the direction was told by the metric's name.
        is_seeded: whether the user gave the seed; if not, a plan of the same that lies here has one to use.
        format: how to print the plan.
        json: print it as one line instead.

    Raises:
        StudyMismatchError: the name is taken.
        ConfigError: it could not run here.
    """
    from automl import executors, study_file

    name = home.free_name(config.stem, more["name"])
    head = f"yaml-language-server: $schema={study_file.SCHEMA}\n{_HEAD}"  # editors look for it on the first line
    text = functools.partial(study_file.dumps, head=head, more=more)
    stem = more["name"] or config.stem
    if not is_seeded:
        config = _as_planned(stem, config, text)
    executor = executors.make(config)
    executor.check(objective)
    capacity = executor.expect()
    if capacity is not None:
        executors.check_budget(config, capacity)
    facts = preflight.facts(home, name, config, capacity, pasts, is_guessed=is_guessed)
    file = _write(stem, text(config))
    run = shlex.join(["automl", "search", str(file)])
    space = config.space.lines()
    data = study_file.settings(config) | {
        "name": name,
        "space": space,
        "size": config.space.size(),
        "parallel": capacity.parallel if capacity else config.parallel,
        "cpus": capacity.cpus if capacity else config.cpus,
        "gpus": capacity.gpus if capacity else config.gpus,
        "folder": str(home.study(name)),
        "explained": dict(facts),
        "file": str(file),
        "run": run,
    }

    def table() -> None:
        output.facts(facts)
        print()
        output.table([{"param": name, "range": text} for name, text in listed(space)], ["param", "range"])
        print()
        output.facts([("file", str(file)), ("run", run)])

    if json:
        print(output.line({"event": "plan", **data}))
    else:
        output.emit(data, format, table)


def _as_planned(stem: str, config: StudyConfig, text: Callable[[StudyConfig], str]) -> StudyConfig:
    """Return settings with the seed of a plan in this folder that asks for the same, which is then the same file."""
    for path in itertools.takewhile(Path.is_file, _paths(stem)):
        written = path.read_text(encoding="utf-8", errors="replace")
        if seed := _SEED.search(written):
            same = dataclasses.replace(config, seed=int(seed[1]))
            if text(same) == written:
                return same
    return config


def _paths(stem: str) -> Iterator[Path]:
    """Yield where a plan may be written, as far as one looks."""
    for n in itertools.count(1):
        yield Path(f"{stem}.study.yaml" if n == 1 else f"{stem}-{n}.study.yaml")


def _write(stem: str, text: str) -> Path:
    """Write `text` to `<stem>.study.yaml` in this folder; where that has another, to `<stem>-2...`, and so on."""
    for path in _paths(stem):
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
                continue
        return path
    raise AssertionError("numbers end")
