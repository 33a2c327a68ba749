"""Objectives found by name: how a target becomes absolute, what is told without running it, and loading it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from automl.errors import ConfigError
from automl.objectives.function import check_target, load_objective, resolve_target
from automl.trial import Trial

GOOD = "def objective(trial):\n    return trial.params['x'] ** 2\n"

BAD = {
    "x = 3": ("objective = 3", "'objective' is 3"),
    "class": ("class objective:\n    def __init__(self, trial): ...", "'objective' is a class"),
    "no argument": ("def objective(): ...", r"is a function of \(\)"),
    "two arguments": ("def objective(trial, data): ...", r"is a function of \(trial, data\)"),
    "keyword": ("def objective(trial, *, data): ...", r"is a function of \(trial, \*, data\)"),
    "only keywords": ("def objective(*, trial=None): ...", r"is a function of \(\*, trial=None\)"),
    "generator": ("def objective(trial):\n    yield 1", "is a generator"),
    "coroutine": ("async def objective(trial):\n    return 1", "is a coroutine"),
    "missing": (
        "def objectiv(trial): ...\ndef other(trial): ...",
        r"no function 'objective'; did you mean 'objectiv'\?",
    ),
    "empty": ("", r"no function 'objective' \(it has none\)"),
}

FINE = {
    "plain": GOOD,
    "optional arguments": "def objective(trial, data=None, *, verbose=False, **more):\n    return 9",
    "any arguments": "def objective(*args):\n    return 9",
    "assigned": "objective = lambda trial: 9",
    "annotated": "from typing import Any\nobjective: Any = lambda trial: 9",
    "instance": "class Task:\n    def __call__(self, trial):\n        return 9\nobjective = Task()",
    "partial": "import functools\ndef f(n, trial):\n    return n\nobjective = functools.partial(f, 9)",
    "in a branch": "try:\n    import missing_module\nexcept ImportError:\n    def objective(trial):\n        return 9",
    "last wins": "def objective(): ...\ndef objective(trial):\n    return 9",
    "inner yield": "def objective(trial):\n    def inner():\n        yield 9\n    return next(inner())",
    "decorated": "def fill(f):\n    return lambda trial: f(trial, 9)\n@fill\ndef objective(trial, n):\n    return n",
    "imported": "from os.path import basename as objective",
    "star": "from os.path import *\nobjective = basename",
    "annotations": "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n"
    "    x: int = 9\ndef objective(trial):\n    return A().x",
}


@pytest.fixture(autouse=True)
def process_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave `sys.path` and `sys.modules` as they were."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(number=0, params={"x": 3}, folder=tmp_path / "trial")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# --- resolve_target ---


@pytest.mark.parametrize("text", ["train.py:objective", "./train.py:objective", "folder/../train.py:objective"])
def test_a_file_becomes_absolute(tmp_path: Path, text: str) -> None:
    """However a file is written, the target is its one absolute path."""
    file = write(tmp_path / "train.py", GOOD)
    (tmp_path / "folder").mkdir()

    assert resolve_target(text, tmp_path) == f"{file.resolve()}:objective"


def test_resolving_twice_changes_nothing(tmp_path: Path) -> None:
    """What is resolved is resolved, from any folder: a study stores it and may be resumed anywhere."""
    write(tmp_path / "a b:c" / "train.py", GOOD)
    write(tmp_path / "a b:c" / "package" / "module.py", GOOD)

    for text in ("train.py:objective", "package.module:objective"):
        once = resolve_target(text, tmp_path / "a b:c")

        assert resolve_target(once, Path("/")) == once
        check_target(once)


def test_a_module_in_the_folder_keeps_its_folder(tmp_path: Path) -> None:
    """A worker that starts elsewhere still finds a module that is not installed."""
    write(tmp_path / "package" / "__init__.py", "")
    write(tmp_path / "package" / "module.py", GOOD)

    target = resolve_target("package.module:objective", tmp_path)

    assert target == f"{tmp_path.resolve()}/package.module:objective"


def test_a_module_in_the_folder_wins_over_an_installed_one(tmp_path: Path) -> None:
    """As with `python -m`, what lies in the folder comes first."""
    write(tmp_path / "json.py", GOOD)

    assert resolve_target("json:objective", tmp_path) == f"{tmp_path.resolve()}/json:objective"


def test_an_installed_module_stays(tmp_path: Path) -> None:
    """An installed module is found by its name alone; a mere folder of that name does not hide it."""
    (tmp_path / "json").mkdir()

    assert resolve_target("json.decoder:scanstring", tmp_path) == "json.decoder:scanstring"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train.py", r"'train.py' names no function; write train.py:objective"),
        ("helped.py", r"'helped.py' names no function; write helped.py:train or :second$"),
        ("json", "'json' names no function; write json:FUNCTION"),
        ("train.py:", "got function ''"),
        (":objective", "expected file.py:function or package.module:function"),
        ("train.py:a.b", "got function 'a.b'"),
        ("trian.py:objective", r"trian.py does not exist; did you mean 'train.py'\?"),
        ("folder.py:objective", "folder.py is a folder, not a file"),
        ("train:objectiv:e", "no module 'train:objectiv'"),
        ("no.such.module:objective", "no module 'no.such.module'"),
        ("json.nothing:objective", "no module 'json.nothing'"),
        ("folder/train:objective", r"no module 'folder/train'.*did you mean folder/train.py:objective\?"),
        ("notes.txt:objective", "no module 'notes.txt'"),
        ("..:objective", "no module"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, text: str, message: str) -> None:
    """A target that is malformed or missing is a problem of the user's input, told in one line."""
    write(tmp_path / "train.py", GOOD)
    write(tmp_path / "folder" / "train.py", GOOD)
    write(tmp_path / "notes.txt", "objective")
    write(tmp_path / "helped.py", "def build(params): ...\ndef second(trial): ...\ndef train(trial, n=1): ...\n")
    (tmp_path / "folder.py").mkdir()

    with pytest.raises(ConfigError, match=message) as caught:
        resolve_target(text, tmp_path)

    assert "\n" not in str(caught.value)


def test_a_file_without_function_lists_its_functions(tmp_path: Path) -> None:
    """Who forgot the function is shown which there are."""
    write(tmp_path / "train.py", "def first(trial): ...\ndef second(trial): ...")

    with pytest.raises(ConfigError, match=r"write train.py:first or :second"):
        resolve_target("train.py", tmp_path)


# --- check_target and load_objective agree ---


@pytest.mark.parametrize("source", FINE.values(), ids=FINE)
def test_fine_objectives_pass_and_load(tmp_path: Path, trial: Trial, source: str) -> None:
    """Whatever can be called with a trial passes the check, and loading it gives something that can."""
    target = resolve_target("train.py:objective", write(tmp_path / "train.py", source).parent)

    check_target(target)
    objective = load_objective(target)

    if "basename" not in source:
        assert objective(trial) == 9


@pytest.mark.parametrize(("source", "message"), BAD.values(), ids=BAD)
def test_bad_objectives_fail_both(tmp_path: Path, source: str, message: str) -> None:
    """The driver, which reads, and the worker, which imports, refuse the same with the same words."""
    target = resolve_target("train.py:objective", write(tmp_path / "train.py", source).parent)

    with pytest.raises(ConfigError, match=message):
        check_target(target)
    with pytest.raises(ConfigError, match=message):
        load_objective(target)


def test_checking_runs_nothing(tmp_path: Path) -> None:
    """The check reads: a file that would raise on import passes it, and names of its packages are not imported."""
    write(tmp_path / "package" / "__init__.py", "raise RuntimeError('imported')")
    write(tmp_path / "package" / "module.py", "raise RuntimeError('imported')\n" + GOOD)

    check_target(resolve_target("package/module.py:objective", tmp_path))
    check_target(resolve_target("package.module:objective", tmp_path))


def test_an_installed_module_is_checked_too() -> None:
    """A missing function of an installed module is told, with the nearest one."""
    with pytest.raises(ConfigError, match=r"no function 'dump_'; did you mean 'dumps?'\?"):
        check_target("json:dump_")


def test_a_compiled_module_is_believed() -> None:
    """There is nothing to read in it."""
    check_target(resolve_target("numpy._core._multiarray_umath:anything", Path("/")))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"def objective(trial):\n    return (1\n", r"train.py:2 is not valid Python: .*'return \(1'"),
        (b"def objective(trial):\n\treturn 1\n        return 2\n", "train.py:3 is not valid Python"),
        (b"\xff\xfe", "train.py.* Python"),
        (b"x = 1\0", "train.py.* Python"),
    ],
    ids=["bracket", "indentation", "encoding", "nul"],
)
def test_what_is_not_python_is_told(tmp_path: Path, source: bytes, message: str) -> None:
    """Where the file does not parse, and the line."""
    (tmp_path / "train.py").write_bytes(source)

    with pytest.raises(ConfigError, match=message):
        check_target(resolve_target("train.py:objective", tmp_path))


# --- load_objective ---


def test_a_file_finds_its_neighbours(tmp_path: Path, trial: Trial) -> None:
    """As when Python runs it, a file imports modules beside it; a module of a package, those of the package."""
    write(tmp_path / "train.py", "import neighbour_of_train\ndef objective(trial):\n    return neighbour_of_train.X")
    write(tmp_path / "neighbour_of_train.py", "X = 7")
    write(tmp_path / "our_package" / "__init__.py", "")
    write(tmp_path / "our_package" / "data.py", "X = 8")
    write(tmp_path / "our_package" / "train.py", "from .data import X\ndef objective(trial):\n    return X")

    assert load_objective(resolve_target("train.py:objective", tmp_path))(trial) == 7
    assert load_objective(resolve_target("our_package.train:objective", tmp_path))(trial) == 8


def test_two_files_of_one_name_are_two_modules(tmp_path: Path, trial: Trial) -> None:
    """`a/train.py` and `b/train.py` do not get in each other's way, nor in that of an installed module."""
    for folder, value in (("a", 1), ("b", 2)):
        write(tmp_path / folder / "json.py", f"def objective(trial):\n    return {value}")

    values = [load_objective(resolve_target(f"{each}/json.py:objective", tmp_path))(trial) for each in ("a", "b")]

    assert values == [1, 2]


def test_a_file_runs_once_and_again_when_changed(tmp_path: Path, trial: Trial) -> None:
    """Trials of one worker share the data that a script loads on import; an edited script counts from the next load."""
    file = write(tmp_path / "train.py", "runs = []\ndef objective(trial):\n    runs.append(1)\n    return len(runs)")
    target = resolve_target("train.py:objective", tmp_path)

    load_objective(target)(trial)
    assert load_objective(target)(trial) == 2
    write(file, "def objective(trial):\n    return 100")
    assert load_objective(target)(trial) == 100


def test_what_a_file_defines_can_be_pickled(tmp_path: Path, trial: Trial) -> None:
    """Its module is registered, as pickle, dataclasses and worker processes of a data loader need."""
    source = "class Point:\n    def __init__(self, x):\n        self.x = x\ndef objective(trial):\n    return Point(5)"
    target = resolve_target("train.py:objective", write(tmp_path / "train.py", source).parent)

    point = load_objective(target)(trial)

    assert pickle.loads(pickle.dumps(point)).x == 5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_module_anywhere", r"raised ModuleNotFoundError: .*'no_such_module_anywhere' .*train.py:1\)"),
        ("def f():\n    raise KeyError('a')\nf()", r"raised KeyError: 'a' .*train.py:2\)"),
        ("import sys\nsys.exit(3)", "ends the process; put that part under `if __name__ == '__main__':`"),
    ],
    ids=["import", "raise", "exit"],
)
@pytest.mark.parametrize("text", ["train.py:objective", "train:objective"])
def test_a_failing_import_is_told(tmp_path: Path, text: str, source: str, message: str) -> None:
    """What a script raises when it is imported names the script and the line, and leaves no half-made module."""
    target = resolve_target(text, write(tmp_path / "train.py", f"{source}\n{GOOD}").parent)
    before = set(sys.modules)

    with pytest.raises(ConfigError, match=message) as caught:
        load_objective(target)

    assert caught.value.__cause__ is not None
    assert not {name for name in set(sys.modules) - before if name.startswith(("file_", "train"))}


def test_a_worker_in_another_folder_loads_it(tmp_path: Path) -> None:
    """The target alone is enough for a fresh process, wherever it works."""
    write(tmp_path / "project" / "package" / "module.py", GOOD)
    target = resolve_target("package.module:objective", tmp_path / "project")
    code = (
        "import sys; from pathlib import Path; from automl.objectives.function import load_objective\n"
        "from automl.trial import Trial\n"
        "print(load_objective(sys.argv[1])(Trial(number=0, params={'x': 3}, folder=Path('.'))))"
    )
    root = Path(__file__).parents[2]

    done = subprocess.run(
        [sys.executable, "-c", code, target],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "9\n"
