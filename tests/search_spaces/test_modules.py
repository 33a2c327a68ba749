"""Spaces in Python code. What can be wrong with it is a table, `tests/cli/bad_inputs/code.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_spaces import SearchSpace, SearchSpaceError, load_space, mlp, modules

CODE = """\
from beside import LR
from search_spaces import SearchSpace, mlp

value = SearchSpace({"lr": LR})
mapping = {"lr": LR}
if True:
    inner = mapping

def made(low="1e-4"):
    return SearchSpace({"lr": LR}) if low == "1e-4" else None

def mapped():
    return mapping

class Maker:
    def __call__(self):
        return mapping

maker = Maker()
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of a project with spaces in code; `sys.path` and `sys.modules` stay as they were."""
    for folder in ("spaces.py", "package/__init__.py", "package/module.py", "beside.py"):
        path = tmp_path / folder
        path.parent.mkdir(exist_ok=True)
        path.write_text({"beside.py": 'LR = "1e-4..1e-1 log"\n', "__init__.py": ""}.get(path.name, CODE))
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["value", "mapping", "inner", "made", "mapped", "maker"])
@pytest.mark.parametrize("where", ["spaces.py", "./spaces.py", "package.module"])
def test_every_form(where: str, name: str) -> None:
    """A space, a mapping, or whatever can be called and returns one, in a file or a module of the folder."""
    assert load_space(f"{where}:{name}") == SearchSpace({"lr": "1e-4..1e-1 log"})


def test_installed_modules_and_paths(project: Path) -> None:
    """A ready space has a name like any other; a path may be one."""
    assert load_space("search_spaces:mlp") == load_space("search_spaces.architectures.mlp:mlp") == mlp()
    assert load_space(project / "spaces.py:value") == load_space("spaces.py:value")


def test_what_is_resolved_means_the_same_anywhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a study file has to name a space: from its own folder, for a search in any other."""
    found = [modules.resolve(f"{where}:value", project, what="space") for where in ("spaces.py", "package.module")]

    monkeypatch.chdir("/")

    assert [load_space(each) for each in found] == [SearchSpace({"lr": "1e-4..1e-1 log"})] * 2


def test_code_that_changed_is_run_again(project: Path) -> None:
    """As in a notebook, where the file is edited between two cells."""
    assert len(load_space("spaces.py:value")) == 1

    (project / "spaces.py").write_text("value = {'lr': '1..2', 'n': '1..3'}")

    assert len(load_space("spaces.py:value")) == 2


def test_the_blame_lies_on_the_line_of_the_user(project: Path) -> None:
    """However deep in this package a problem is found, the line told is that which called it."""
    (project / "wrong.py").write_text("from search_spaces import mlp\ndef make():\n    return mlp().fix(n_layers=99)\n")

    with pytest.raises(SearchSpaceError) as caught:
        load_space("wrong.py:make")

    (problem,) = caught.value.problems
    assert problem.startswith(f"{project}/wrong.py:3: n_layers: unknown parameter")
    assert caught.value.__cause__ is not None
