"""Files that are their owner's alone, and that no planted link leads elsewhere; and no product code that runs data."""

from __future__ import annotations

import ast
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import automl
from automl import durable, private
from automl.delivery import only_one
from automl.home import Home
from automl.mending import mend
from automl.trial import Trial

ROOT = Path(automl.__file__).parents[1]


def modes(folder: Path) -> set[str]:
    return {oct(stat.S_IMODE(path.lstat().st_mode)) for path in [folder, *folder.rglob("*")]}


@pytest.fixture
def _anybody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process's files be open to anybody by default."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_anybody")
def test_a_search_is_its_owners_alone(tmp_path: Path) -> None:
    """With a umask of 000 too, which is the user's again afterwards; a home that exists is left as it is."""
    shared = tmp_path / "shared"
    shared.mkdir()

    def objective(trial: Trial) -> float:
        with trial.checkpoint(1) as folder:
            (folder / "weights").write_text("w")
        trial.report(1, loss=1.0)
        print("prints")
        return 1.0

    for home in (tmp_path / "runs", shared):
        options = {"n_trials": 2, "executor": "local", "tracker": "jsonl", "listeners": (), "direction": "minimize"}
        automl.search(objective, {"x": "0..1"}, home=home, name="s", **options)  # type: ignore[arg-type]

    assert modes(tmp_path / "runs") <= {"0o600", "0o700"}
    assert modes(shared / "s") <= {"0o600", "0o700"}
    assert stat.S_IMODE(shared.stat().st_mode) == 0o777
    assert os.umask(0) == 0


@pytest.mark.usefixtures("_anybody")
def test_a_repair_is_its_owners_alone(tmp_path: Path) -> None:
    """What `doctor --fix` writes anew is as closed as what was there before."""
    settings = {"executor": "local", "n_trials": 1, "tracker": "jsonl", "listeners": (), "direction": "minimize"}
    automl.search(lambda trial: trial.params["x"], {"x": "0..9"}, name="s", home=tmp_path / "home", **settings)  # type: ignore[arg-type]
    home = Home(tmp_path / "home")
    shutil.rmtree(home.runs("s"))

    mended = mend(home, "s")

    assert [each.code for each in mended] == ["store-missing"]
    assert modes(home.path) <= {"0o700", "0o600"}


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link planted where a temporary file or a lock belongs is replaced or refused; what it leads to stays."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f".row.json.{os.getpid()}.tmp").symlink_to(victim)
    (tmp_path / "delivery-mlflow.lock").symlink_to(victim)
    (tmp_path / "dangling").symlink_to(tmp_path / "made by us")

    durable.write_json(tmp_path / "row.json", {"a": 1})
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)), only_one(tmp_path, ["mlflow"]):
        pass
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        private.open_lock(tmp_path / "dangling")

    assert victim.read_text() == "precious"
    assert durable.read_json(tmp_path / "row.json") == {"a": 1}
    assert not (tmp_path / "row.json").is_symlink()
    assert not (tmp_path / "made by us").exists()


RUNS_DATA = {
    "cloudpickle.load",
    "cloudpickle.loads",
    "dill.load",
    "eval",
    "exec",
    "joblib.load",
    "marshal.loads",
    "os.popen",
    "os.system",
    "pickle.load",
    "pickle.loads",
    "shelve.open",
    "torch.load",
    "yaml.load",
    "yaml.unsafe_load",
}


def test_no_code_runs_data() -> None:
    """No product code unpickles, evaluates, or hands data to a shell; arrays are loaded without pickles."""
    found = []
    for package in ("automl", "search_spaces", "trackers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    found += [(str(path.relative_to(ROOT)), what) for what in unsafe(node)]

    assert found == []


@pytest.mark.parametrize(
    ("code", "is_unsafe"),
    [
        ("pickle.loads(data)", True),
        ("subprocess.run(line, shell=True)", True),
        ("subprocess.run(line, shell=False)", False),
        ("torch.load(path, weights_only=True)", False),
        ("torch.load(path)", True),
        ("np.load(path)", True),
        ("numpy.load(path, allow_pickle=False)", False),
        ("model.eval()", False),
        ("eval(text)", True),
        ("yaml.load(text, Loader=SafeLoader)", True),
        ("yaml.safe_load(text)", False),
    ],
)
def test_what_runs_data(code: str, is_unsafe: bool) -> None:
    """The gate knows what it looks for."""
    (call,) = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]

    assert bool(list(unsafe(call))) is is_unsafe


def unsafe(call: ast.Call) -> Iterator[str]:
    """Yield why a call may run what somebody wrote into data."""
    name = ast.unparse(call.func)
    given = {each.arg: ast.unparse(each.value) for each in call.keywords}
    if name in RUNS_DATA and given.get("weights_only") != "True":
        yield name
    if name in ("np.load", "numpy.load") and given.get("allow_pickle") != "False":
        yield name
    if given.get("shell") not in (None, "False") or given.get("allow_pickle") == "True":
        yield f"{name} with a shell or pickles"
