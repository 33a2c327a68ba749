"""Files that were right until something in them was dropped, written twice, retyped or renamed."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import SearchSpaceError, dump_space, load_space
from search_spaces.toml import toml_value
from tests import strategies


class Pairs(list[Any]):
    """A mapping as a list of [key, value], so that a key can stand in it twice."""


_SCALARS = [None, True, 0, -1, 1.5, 10**30, float("inf"), float("nan"), "", "1e-5", "float", "1..2", "a|b"]
_NESTED: list[Any] = [[], Pairs(), [1, 1.0, True], [[1]], Pairs([["a", 1]]), Pairs([["type", "int"]])]
_VALUES = st.sampled_from([*_SCALARS, *_NESTED]).map(copy.deepcopy)
_KEYS = st.sampled_from(
    [
        "type",
        "low",
        "high",
        "step",
        "log",
        "choices",
        "value",
        "when",
        "x",
        "X",
        "",
        "a b",
        "../x",
        "mlflow.x",
        "<<",
        ">=",
        "<",
    ]
)


def _pairs(data: Any) -> Any:
    if isinstance(data, dict):
        return Pairs([key, _pairs(value)] for key, value in data.items())
    return [_pairs(item) for item in data] if isinstance(data, list) else data


def _text(data: Any) -> str:
    """Return JSON, which is YAML too."""
    if isinstance(data, Pairs):
        return f"{{{', '.join(f'{json.dumps(key)}: {_text(value)}' for key, value in data)}}}"
    return f"[{', '.join(map(_text, data))}]" if isinstance(data, list) else json.dumps(data)


def _toml(data: Any) -> str:
    """Return TOML, which has no null; a mapping in it is a table in braces."""
    if isinstance(data, Pairs):
        return f"{{{', '.join(f'{toml_value(key)} = {_toml(value)}' for key, value in data)}}}"
    if isinstance(data, list):
        return f"[{', '.join(map(_toml, data))}]"
    if isinstance(data, str):
        return toml_value(data)
    return "[]" if data is None else str(data).lower() if isinstance(data, (bool, float)) else str(data)


def _written(data: Pairs, name: str) -> str:
    """Return the text of a file of that name."""
    return _text(data) if not name.endswith("toml") else "".join(f"{toml_value(k)} = {_toml(v)}\n" for k, v in data)


def _places(data: Any) -> Iterator[tuple[Any, int]]:
    """Yield every list and pair list with each of its positions."""
    for index, item in enumerate(data if isinstance(data, list) else []):
        yield data, index
        yield from _places(item[1] if isinstance(data, Pairs) else item)


@st.composite
def mutated_files(draw: st.DrawFn) -> Pairs:
    """The data of a space file that was right, with one to three mistakes."""
    data = _pairs(draw(strategies.spaces(min_size=1)).to_dict())
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(data))
        if not places:
            break
        holder, index = draw(st.sampled_from(places))
        mistake = draw(st.sampled_from(["drop", "double", "retype", "rename"]))
        if mistake == "drop":
            del holder[index]
        elif mistake == "double":
            holder.append(copy.deepcopy(holder[index]))
        elif isinstance(holder, Pairs):
            key, value = holder[index]
            new = draw(_VALUES if mistake == "retype" else _KEYS)
            holder[index] = [key, new] if mistake == "retype" else [new, value]
        else:
            holder[index] = draw(_VALUES)
    return data


@pytest.mark.parametrize("name", ["space.yaml", "space.json", "space.toml"])
@settings(deadline=timedelta(seconds=2))
@given(data=mutated_files())
def test_a_mutated_file_is_read_or_explained(tmp_path_factory: pytest.TempPathFactory, name: str, data: Pairs) -> None:
    """What is taken is written and read as the same space; what is not has a line and a column for each problem."""
    folder = tmp_path_factory.getbasetemp()
    path, copy = folder / f"mutated-{name}", folder / f"copy-{name}"
    path.write_text(_written(data, name), encoding="utf-8")

    problems, again = _loaded(path, copy)

    assert again
    assert all(re.fullmatch(rf"{re.escape(str(path))}:[0-9]+:[0-9]+: \S.*", problem) for problem in problems), problems


def _loaded(path: Path, copy: Path) -> tuple[tuple[str, ...], bool]:
    """Return the problems of a file and whether, if there are none, its space survives being written."""
    try:
        space = load_space(path)
    except SearchSpaceError as error:
        return error.problems, len(error.problems) > 0
    dump_space(space, copy)
    return (), load_space(copy) == space
