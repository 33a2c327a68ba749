"""Study files: everything that a command line can say, under the names of its options, in YAML or JSON.

    target: train.py:objective
    metric: val_loss
    trials: 40
    lr: 1e-4..1e-1 log
    param: {batch_size: 32|64}
    space: space.yaml               # a file, a ready space, several of them, or the parameters themselves

    file = read("study.yaml", keys, locate)     # keys: those of the command's own options (`automl.cli.given`)
    file.values["trials"] == "40"               # as if it had been typed
    dumps(config)                               # the file that asks for just this study

Relative paths count from the folder of the file. Every study leaves such a file in its folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from automl import durable
from automl.config import OWN_SAMPLER, SINGULAR, StudyConfig, one_or_all
from automl.errors import ConfigError
from automl.redaction import without_password
from search_spaces import READY, SearchSpaceError, assignments, format_range, modules
from search_spaces import dumps as space_text
from search_spaces.documents import Document
from search_spaces.errors import did_you_mean
from search_spaces.files import is_code, read_document, yaml_text
from search_spaces.groups import is_group
from search_spaces.plain import Parts
from search_spaces.plain import read as read_parameters
from search_spaces.scalars import Scalar, shown

SUFFIXES = (".yaml", ".yml", ".json")
SCHEMA = Path(__file__).with_name("study.schema.json")
"""Made by `automl.cli.schema`, which knows the options."""

_KEYS = {"n_trials": "trials", "tries": "try", "constraints": "constraint", **SINGULAR}
"""Where a field of StudyConfig is not called like its option."""
_UNWRITTEN = ("kind", "data", "space")  # what the target says by itself, and what is written last


class Kind(enum.Enum):
    """What may stand after a key."""

    TEXT = "text or a number"
    LIST = "text or a list of texts"
    PATH = "a path"
    FLAG = "true or false"
    RANGE = "a range such as 1e-4..1e-1 log"
    RANGES = "a mapping of parameters to ranges"
    SPACE = "a file, a ready space, file.py:name, a list of these, or a mapping of parameters"
    POINTS = "a point such as lr=0.1, width=64, a mapping of parameters to values, or a list of these"
    REQUIRE = "relations such as n_layers * width <= 4096"
    FORBID = "conditions such as optimizer=sgd and batch_size=512"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of study files."""

    kind: Kind
    choices: Sequence[str] = ()
    """The only texts allowed; empty where others judge the text."""


@dataclass(slots=True, kw_only=True)
class StudyFile:
    """What a file says, as far as it could be read."""

    target: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    """Key -> what would be typed after its option: text, a list of texts, or True for a flag."""
    ranges: dict[str, str] = field(default_factory=dict)
    """Parameter -> range, of `lr` and its like and of `param`."""
    spaces: list[str | Mapping[str, Any]] = field(default_factory=list)
    """Ready names, absolute paths, or parameters in the language of space files."""
    places: dict[str, str] = field(default_factory=dict)
    """Key -> `file:line:column`."""
    problems: list[str] = field(default_factory=list)
    """All that is wrong with it, as `file:line:column: problem`."""


def read(path: str | Path, keys: Mapping[str, Key], locate: Callable[[str, Path], str]) -> StudyFile:
    """Read a study file; whatever is wrong with it is among its `problems`.

    Args:
        path: of a .yaml, .yml or .json file.
        keys: all that it may have besides `target`.
        locate: returns a target, as written in a file of some folder, so that it means the same in any other folder;
            raises ConfigError where there is no such thing.
    """
    path = Path(path)
    try:
        document = read_document(path)
    except SearchSpaceError as error:
        return StudyFile(problems=list(error.problems))
    return _Reading(path, document, keys).file(locate)


class _Reading:
    """One reading of a file."""

    def __init__(self, path: Path, document: Document, keys: Mapping[str, Key]) -> None:
        self._path = path
        self._folder = path.absolute().parent
        self._document = document
        self._keys = keys
        self._problems = list(document.problems)
        self._file = StudyFile()

    def file(self, locate: Callable[[str, Path], str]) -> StudyFile:
        """Return what the file says."""
        data = self._document.data
        if not isinstance(data, Mapping) or "target" not in data:
            missing = "there is no target in it: a study file has a line such as `target: digits`"
            self._wrong((), f"{missing}, and a search space is given as --space {self._path}")
            data = {}
        for name, value in data.items():
            self._file.places[name] = self._at(self._document.place((name,)))
            key = Key(Kind.TEXT) if name == "target" else self._keys.get(name)
            if key is None:
                self._wrong(
                    (name,),
                    f"{shown(name)} is no option of a search{did_you_mean(name, ['target', *self._keys])}",
                    of_key=True,
                )
            elif not self._document.is_refused((name,)):
                self._read(name, key, value)
        text = self._file.values.pop("target", None)
        if text is not None:
            try:
                self._file.target = locate(text, self._folder)
            except ConfigError as error:
                for problem in error.problems:
                    self._wrong(("target",), problem)
        self._file.problems = [f"{self._at(place)}: {text}" for place, text in sorted(self._problems)]
        return self._file

    def _read(self, name: str, key: Key, value: Any) -> None:
        values = self._file.values
        text = _text(value)
        if key.kind is Kind.RANGE and not is_group(value):
            self._ranges({name: value}, ())
        elif key.kind is Kind.RANGES and isinstance(value, Mapping):
            self._ranges(value, (name,))
        elif key.kind in (Kind.REQUIRE, Kind.FORBID):
            values[name] = self._parameters({name: value}, ()).relations.lines().get(name, [])
        elif key.kind is Kind.SPACE and isinstance(value, Mapping):
            self._file.spaces = [] if self._parameters(value, (name,)).problems else [value]
        elif key.kind is Kind.SPACE and (names := _texts(value)):
            self._file.spaces = [self._space(each) for each in names]
        elif key.kind is Kind.POINTS and (points := _points(value)):
            values[name] = points
        elif key.kind is Kind.FLAG and isinstance(value, bool):
            values[name] = value
        elif key.kind is Kind.LIST and (texts := _texts(value)):
            values[name] = texts
        elif key.kind is Kind.PATH and text is not None:
            values[name] = str(self._folder / Path(text).expanduser())
        elif key.kind is Kind.TEXT and text is not None and text in (key.choices or (text,)):
            values[name] = text
        else:
            expected = f"one of {', '.join(key.choices)}" if key.choices else key.kind.value
            self._wrong((name,), f"{name} must be {expected}, got {shown(value)}{did_you_mean(value, key.choices)}")

    def _ranges(self, parameters: Mapping[str, Any], path: tuple[str, ...]) -> None:
        """Read parameters that stand at `path`."""
        parts = self._parameters(parameters, path)
        for name in parts.relations.lines():
            self._wrong((*path, name), f"{name} is no parameter, but a key of its own", of_key=True)
        for name, distribution in parts.distributions.items():
            if name in self._file.ranges:
                self._wrong((*path, name), f"{name} was given a range already; give it one")
            self._file.ranges[name] = format_range(distribution, parts.conditions.get(name))

    def _parameters(self, parameters: Mapping[str, Any], path: tuple[str, ...]) -> Parts:
        parts = read_parameters(parameters, outside=None)
        for problem in parts.problems:
            self._wrong((*path, *problem.path), str(problem), of_key=problem.is_about_key)
        return parts

    def _space(self, text: str) -> str:
        """Return a space, as written in this file, so that it means the same in every other folder."""
        if is_code(text):
            with contextlib.suppress(SearchSpaceError):  # said when the space is looked for
                return modules.resolve(text, self._folder, what="space")
        is_file = "/" in text or Path(text).suffix or (self._folder / text).exists()
        return str(self._folder / Path(text).expanduser()) if is_file and text not in READY else text

    def _wrong(self, path: tuple[str | int, ...], problem: str, *, of_key: bool = False) -> None:
        if not self._document.is_refused(path):
            self._problems.append((self._document.place(path, of_key=of_key), problem))

    def _at(self, place: tuple[int, int]) -> str:
        return f"{self._path}:{place[0]}:{place[1]}"


def dumps(config: StudyConfig, *, head: str = "", more: Mapping[str, Any] | None = None) -> str:
    """Return the study file that asks for a study with the settings of `config`.

    Args:
        config: settings; a password in a URL is left out.
        head: lines of comment for the top.
        more: further keys, such as name and home.
    """
    lines = [f"# {line}" for line in head.splitlines()]
    written = settings(config) | {name: value for name, value in (more or {}).items() if value is not None}
    if config.kind == "callable":
        lines.append(f"# target: a Python function, {shown(written.pop('target'))}: give it to automl.search")
    for name in ("sampler", "early_stopping"):
        if written[name].startswith(OWN_SAMPLER):
            lines.append(f"# {name}: a Python object, {shown(written.pop(name))}: give it to automl.search")
    whole = ""
    if config.kind not in ("callable", "function"):
        whole = "arch: none  # nothing of the target's own space is added to the one below, which is the whole of it\n"
    space = textwrap.indent(space_text(config.space), "  ")
    return "\n".join([*lines, f"{yaml_text(written)}{whole}space:\n{space}"])


def leave(folder: Path, name: str, config: StudyConfig) -> None:
    """See to it that the folder of a study says what was asked of it, to read and to use again.

    Both files are written where one is missing or empty, and anew when the space has changed; the age of `space.yaml`
    stays, since that is the study's.
    """
    asked, space = folder / "study.yaml", folder / "space.yaml"
    text = space_text(config.space)
    made = space.stat() if space.is_file() else None
    is_new = made is None or space.read_bytes() != text.encode()
    if is_new or not asked.is_file() or not asked.stat().st_size:
        head = f"What the study {name} was asked; `automl search` of this file asks it again, of a new study."
        durable.write_text(asked, dumps(config, head=head))
    if is_new:
        durable.write_text(space, text)
    if is_new and made is not None:
        os.utime(space, ns=(made.st_atime_ns, made.st_mtime_ns))


def settings(config: StudyConfig) -> dict[str, Any]:
    """Return key -> value of all that `config` sets, but the space and passwords in URLs."""
    values = {_KEYS.get(each.name, each.name): getattr(config, each.name) for each in dataclasses.fields(config)}
    values["try"] = tuple(map(assignments.written, values["try"]))
    values |= {name: one_or_all(values[name]) for name in SINGULAR.values()}
    return {
        name: without_password(value) if isinstance(value, str) else [*value] if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in _UNWRITTEN and value not in (None, ())
    }


def _points(value: Any) -> list[str]:
    """Return the points that `value` is or lists, each on one line; none if it is something else."""
    given = value if isinstance(value, list) else [value]
    if any(isinstance(each, Mapping) and not all(map(_is_scalar, each.values())) for each in given):
        return []
    return _texts([assignments.written(each) if isinstance(each, Mapping) else each for each in given])


def _is_scalar(value: Any) -> bool:
    return isinstance(value, Scalar)


def _texts(value: Any) -> list[str]:
    """Return the texts that `value` is or lists; none if it is neither."""
    texts = [_text(each) for each in (value if isinstance(value, list) else [value])]
    return [] if None in texts else [text for text in texts if text is not None]


def _text(value: Any) -> str | None:
    """Return what is typed for `value`; None if it is neither text nor a number. Exponents are for ranges alone."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return None if isinstance(value, bool) or not isinstance(value, (str, int)) else str(value)
