"""What trials ran on: code, data, Python, packages; taken at each start, so that a resume says what has changed since.

    now = Fingerprint.of(config, objective)
    for difference in now.differences(Fingerprint.last(reader)):
        print(difference.told(trial=12))    # "train.py has changed since trial 12 (SHA-256 1f3a..., now 77b0...): ..."

A change need not be wrong, to mend an objective is a reason to resume. But trials before and after it may not compare,
which whoever reads the result must know.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import inspect
import math
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from automl.config import StudyConfig
from automl.ledger.queries import Reader
from search_spaces import SearchSpaceError, modules

PACKAGES = ("automl-search", "torch", "ray", "optuna", "mlflow", "numpy", "scikit-learn", "SQLAlchemy")
STARTED = "study-started"
"""The kind of the events that hold fingerprints."""
MOST_FILES = 200
"""Files of a script's own project that are looked at, so that a resume in a huge one does not wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as it was when the study ran last."""

    what: str
    before: str
    now: str
    is_file: bool = False

    def told(self, *, trial: int) -> str:
        """Return it as a line; `trial` is the last one that ran before, -1 if there is none."""
        since = f"since trial {trial}" if trial >= 0 else "since the study was made"
        name = Path(self.what).name if self.is_file else self.what
        values = f"{self.before}, now {self.now}"
        return f"{name} has changed {since} ({values}): later trials may not compare with earlier ones"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a driver's trials run on."""

    python: str
    packages: Mapping[str, str]
    """Name -> version, of those installed."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Path of the objective's code, or its name where a file does not hold it, and of a data file -> SHA-256."""

    @classmethod
    def of(cls, config: StudyConfig, objective: Callable[..., Any]) -> Self:
        """Return what a search of `config` runs on now. No package is imported."""
        packages = {}
        for name in PACKAGES:
            try:
                packages[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        files = {name: hashlib.sha256(code).hexdigest() for name, code in _code(config, objective)}
        if config.data is not None:
            files[config.target] = config.data["sha256"]
        return cls(python=platform.python_version(), packages=packages, files=files)

    @classmethod
    def last(cls, reader: Reader) -> Self | None:
        """Return what the study ran on last; None where no driver has said so."""
        kept = [event.data["fingerprint"] for event in reader.events(kind=STARTED) if event.data.get("fingerprint")]
        return cls(**kept[-1]) if kept else None

    @classmethod
    def of_trial(cls, reader: Reader, number: int) -> Self | None:
        """Return what a trial ran on last; None where no driver has said so."""
        started = max((attempt.started for attempt in reader.attempts(number)), default=math.inf)
        events = [event for event in reader.events(kind=STARTED) if event.time <= started]
        kept = events[-1].data.get("fingerprint") if events else None
        return cls(**kept) if kept else None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    def differences(self, before: Fingerprint | None) -> list[Difference]:
        """Return what is not as it was `before`. A file that only one of them knows is no difference."""
        if before is None:
            return []
        found = [
            Difference(what=path, before=f"SHA-256 {before.files[path][:12]}...", now=f"{sha[:12]}...", is_file=True)
            for path, sha in self.files.items()
            if path in before.files and before.files[path] != sha
        ]
        if self.python != before.python:
            found.append(Difference(what="Python", before=before.python, now=self.python))
        for name in PACKAGES:
            was, now = (each.packages.get(name, "not installed") for each in (before, self))
            if was != now:
                found.append(Difference(what=name, before=was, now=now))
        return found


def _code(config: StudyConfig, objective: Callable[..., Any]) -> Iterator[tuple[str, bytes]]:
    """Yield the objective's code under its name, where it is to be had."""
    if config.kind == "function":
        try:
            for path in _with_neighbours(modules.source(modules.split(config.target, what="function")[0])):
                yield str(path), path.read_bytes()
        except (OSError, SearchSpaceError):  # who runs it says so
            return
    elif config.kind == "callable":
        while isinstance(objective, functools.partial):
            objective = objective.func
        body = objective if inspect.isroutine(objective) or inspect.isclass(objective) else type(objective)
        try:
            yield config.target, inspect.getsource(body).encode()
        except (OSError, TypeError):  # typed into an interpreter, or written in C
            return


def _with_neighbours(script: Path) -> list[Path]:
    """Return a file of code and those that it imports from its own project, read as text: nothing is run.

    What is installed is no neighbour: it has a version.
    """
    script = script.resolve()
    root = next(folder for folder in script.parents if not (folder / "__init__.py").is_file())
    found = {script: None}  # in the order of finding
    if not {"site-packages", "dist-packages"} & {*script.parts}:
        for path in (todo := [script]):
            new = [file for file in _imported(path, root) if file not in found]
            found |= dict.fromkeys(new)
            todo += list(dict.fromkeys(new))[: MOST_FILES - len(todo)]
    return list(found)[:MOST_FILES]


def _imported(path: Path, root: Path) -> Iterator[Path]:
    """Yield the files under `root` that the code in `path` imports, wherever in it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(root, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = path.parents[node.level - 1] if 0 < node.level <= len(path.parents) else root
            names = [(base, f"{node.module or ''}.{alias.name}".strip(".")) for alias in node.names]
        else:
            continue
        for base, name in names:
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                module = base.joinpath(*parts[:end])
                yield from filter(Path.is_file, (module.with_name(f"{module.name}.py"), module / "__init__.py"))
