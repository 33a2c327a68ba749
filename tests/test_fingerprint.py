"""What a study ran on: every start notes it down, every resume says what has changed."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import automl
from automl.config import SINGULAR, StudyConfig
from automl.errors import StudyMismatchError
from automl.fingerprint import PACKAGES, STARTED, Fingerprint
from automl.home import Home
from automl.trial import Trial
from search_spaces import SearchSpace

SPACE = SearchSpace({"x": "0.0..1.0"})
SCRIPT = "def objective(trial):\n    return trial.params['x']\n"


def value(trial: Trial) -> float:
    return float(trial.params["x"])


def scaled(trial: Trial, by: float) -> float:
    return float(trial.params["x"]) * by


def config(**options: object) -> StudyConfig:
    about = {"target": "t", "space": SPACE, "metrics": ("value",), "directions": ("minimize",), "kind": "callable"}
    return StudyConfig(**(about | options))  # type: ignore[arg-type]


def test_what_is_noted() -> None:
    """Packages as installed, without importing them, and the source of a Python function, whatever wraps it."""
    plain, wrapped = (Fingerprint.of(config(), call) for call in (value, functools.partial(scaled, by=2.0)))

    assert plain.packages.keys() <= set(PACKAGES)
    assert {"ray", "optuna", "mlflow", "torch"} <= plain.packages.keys()
    assert plain.files.keys() == wrapped.files.keys() == {"t"}
    assert plain.files != wrapped.files
    assert Fingerprint.of(config(), len).files == {}, "written in C"


def test_every_difference_is_a_line() -> None:
    """Code, data, Python, a package of another version, one that is gone: each is named with before and now."""
    before = Fingerprint(python="3.11.7", packages={"ray": "2.60.0", "torch": "2.13.0"}, files={"/a/t.py": "0" * 64})
    now = Fingerprint(python="3.12.1", packages={"ray": "2.61.0"}, files={"/a/t.py": "1" * 64, "/a/new.csv": "2" * 64})

    lines = [each.told(trial=12) for each in now.differences(before)]

    later = ": later trials may not compare with earlier ones"
    assert lines == [
        f"t.py has changed since trial 12 (SHA-256 000000000000..., now 111111111111...){later}",
        f"Python has changed since trial 12 (3.11.7, now 3.12.1){later}",
        f"torch has changed since trial 12 (2.13.0, now not installed){later}",
        f"ray has changed since trial 12 (2.60.0, now 2.61.0){later}",
    ]
    assert now.differences(now) == now.differences(None) == []


@pytest.fixture
def made(tmp_path: Path) -> Callable[[], list[str]]:
    """Make a study of a script; return a function that resumes it strictly and returns why that was refused."""
    (tmp_path / "train.py").write_text(SCRIPT)
    options = {"n_trials": 2, "executor": "local", "tracker": "none", "listeners": (), "direction": "minimize"}
    automl.search(f"{tmp_path}/train.py:objective", SPACE, name="s", **options)  # type: ignore[arg-type]

    def resume() -> list[str]:
        try:
            automl.resume("s", n_trials=4, strict=True, listeners=())
        except StudyMismatchError as error:
            return [*error.problems]
        return []

    return resume


def test_a_changed_script(made: Callable[[], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Strictly it is refused before anything is written; else it is said, and the next resume starts from there."""
    (tmp_path / "train.py").write_text(SCRIPT + "# another\n")
    with Home.find().read("s") as reader:
        before = reader.study().seq

    refused = made()

    with Home.find().read("s") as reader:
        assert reader.study().seq == before
    assert len(refused) == 2
    assert refused[0].startswith("train.py has changed since trial 1 (SHA-256 ")
    automl.resume("s", n_trials=3)
    assert refused[0] in capsys.readouterr().err
    assert made() == []
    with Home.find().read("s") as reader:
        assert len(reader.events(kind=STARTED)) == 3


def test_what_a_script_imports_from_its_project(tmp_path: Path) -> None:
    """Modules beside it, what they import, packages with relative imports; none that is installed, and none is run."""
    texts = {
        "train.py": "import torch, net\ndef objective(trial):\n    from pack import part\n    return 1.0\n",
        "net.py": "import train  # round and round\nraise SystemExit\n",
        "pack/__init__.py": "",
        "pack/part.py": "from .deep import x\nfrom . import other, gone\n",
        "pack/deep.py": "x = 1",
        "pack/other.py": "not python",
        "unused.py": "",
    }
    (tmp_path / "pack").mkdir()
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    asked = config(target=f"{tmp_path}/train.py:objective", kind="function")

    before = Fingerprint.of(asked, value)
    (tmp_path / "pack" / "deep.py").write_text("x = 2")
    after = Fingerprint.of(asked, value)

    assert {str(Path(name).relative_to(tmp_path)) for name in before.files} == texts.keys() - {"unused.py"}
    assert [Path(each.what).name for each in after.differences(before)] == ["deep.py"]


def test_an_unchanged_one(made: Callable[[], list[str]]) -> None:
    """Nothing has changed, nothing is refused; versions before this one noted nothing down."""
    assert made() == []


def test_nothing_is_imported(tmp_path: Path) -> None:
    """Versions come from the packages' own records: a search of another objective loads no torch for this."""
    code = (
        "import sys; from automl.fingerprint import Fingerprint; import tests.test_fingerprint as t\n"
        "before = set(sys.modules); Fingerprint.of(t.config(), t.value)\n"
        "print({'torch', 'ray', 'mlflow', 'sklearn'} & (set(sys.modules) - before))"
    )
    root = str(Path(automl.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)

    assert done.stdout.strip() == "set()"


TWENTY = {
    "directions": ("maximize",),
    "metrics": ("loss",),
    "seed": 7,
    "sampler": "random",
    "early_stopping": "none",
    "max_epochs": 9,
    "target": "u",
    "target_column": "y",
    "space": SearchSpace({"x": "0.0..2.0"}),
    "data": {"sha256": "1"},
}
SPACES = [{"x": "0..1"}, {"x": "0.0..1.0", "y": "0..1"}, {"y": "0..1"}, {"x": "1e-5..1.0 log"}, {"x": "0.1|0.2"}]
SPACES += [{"x": "0.0..1.0 step 0.1"}, {"x": "=0.5"}, {"x": "0.5..1.0"}, {"x": "0.1<0.2"}, {"x": "0.0..0.9"}]
MUTATIONS = [*TWENTY.items(), *(("space", SearchSpace(space)) for space in SPACES)]


@pytest.mark.parametrize(("name", "new"), MUTATIONS, ids=[f"{name}-{n}" for n, (name, _) in enumerate(MUTATIONS)])
def test_every_mutation_is_named(name: str, new: object) -> None:
    """Whatever is fixed when a study is made, and its space, is told apart, each by its name."""
    lines = config().differences(config(**{name: new}))

    assert len(lines) >= 1
    assert SINGULAR.get(name, name).replace("_", " ") in " ".join(lines)
    assert config().differences(config()) == []


def test_many_differences_of_a_space_are_a_few_lines() -> None:
    """The first are told with their ranges, the names of the others in one line."""
    other = config(space=SearchSpace({f"p{n}": "1..3" for n in range(9)} | {"x": "0.0..1.0"}))

    lines = config().differences(other)

    assert lines[0] == "its space has for p0 nothing, not 1..3"
    assert lines[3:] == ["its space differs in 6 more: p3, p4, p5, p6, p7, p8"]
