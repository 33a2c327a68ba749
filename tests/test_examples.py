"""The examples run: a user's own objective, a search in a notebook, search spaces by themselves."""

from __future__ import annotations

import ast
import json
import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from automl.cli import main
from automl.trial import Report, Trial
from search_spaces import SearchSpace, load_space

EXAMPLES = Path(__file__).parents[1] / "examples"
PARAMS = {"width": 8, "depth": 1, "dropout": 0.0, "optimizer": "adamw", "lr": 0.01, "batch_size": 64}


def shrink(source: str) -> str:
    """Return a program whose searches have a tenth of their trials, run in this process and deliver nothing."""
    small, n = re.subn(r"(automl\.search\([^()]*)\)", r'\1, executor="local", tracker="none")', source)
    assert n, "there is no search to shrink"
    return re.sub(r"(n_trials=\d+)0\b", r"\1", small)


def test_train_is_searched_by_the_command_in_its_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    """The winner's weights, loaded again, have the loss that the search found."""
    train = runpy.run_path(str(EXAMPLES / "train.py"))
    command = next(line for line in train["__doc__"].splitlines() if line.startswith("automl "))
    small = "--trials 3 --max-epochs 2 --executor local --tracker none -q -f json"
    Path("examples").symlink_to(EXAMPLES)

    code = main(shlex.split(f"{command} {small}")[1:])

    found = json.loads(capsys.readouterr().out)
    best = found["best"]
    model = train["network"](**{name: best["params"][name] for name in ("width", "depth", "dropout")})
    model.load_state_dict(load_file(f"automl_runs/train-1/trials/{best['number']}/artifacts/model.safetensors"))
    assert code == 0
    assert found["counts"]["FAIL"] == 0
    assert train["evaluate"](model, train["load_parts"]()[1])["val_loss"] == pytest.approx(best["value"])


@pytest.mark.parametrize(("cut_at", "steps"), [(2, [3, 4]), (4, [])], ids=["midway", "at the end"])
def test_train_goes_on_from_its_checkpoint(tmp_path: Path, cut_at: int, steps: list[int]) -> None:
    """Another attempt reports only what is left to do, on the weights that the first one saved."""
    objective = runpy.run_path(str(EXAMPLES / "train.py"))["objective"]
    first: list[Report] = []
    second: list[Report] = []
    whole = {"number": 0, "params": PARAMS, "folder": tmp_path}
    objective(Trial(**whole, max_epochs=cut_at, send=first.append))

    values = objective(Trial(**whole, max_epochs=4, restore_step=cut_at, send=second.append))

    assert [report.step for report in second] == steps
    assert values["val_loss"] < first[0].values["val_loss"]
    assert steps or values == first[-1].values


def test_the_notebook_runs_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    """It finds a best trial, shows a table, and goes on with more trials."""
    names: dict[str, Any] = {"__name__": "notebook"}

    exec(compile(shrink((EXAMPLES / "notebook.py").read_text()), "notebook.py", "exec"), names)

    printed = capsys.readouterr().out.splitlines()
    assert len(names["result"].trials) == 3
    assert printed[0].startswith(f"trial {names['best'].number}: ")
    assert len(printed) == 1 + (1 + 2) + 1
    assert printed[-1].endswith("is the best of 3 trials")


def test_spaces_prints_a_file_that_search_can_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What it prints at the end is the space it has made, in the format of `--space`."""
    narrow: SearchSpace = runpy.run_path(str(EXAMPLES / "spaces.py"), run_name="__main__")["narrow"]

    printed = capsys.readouterr().out
    file = tmp_path / "space.yaml"
    file.write_text(printed[printed.index("arch: {") :])
    assert load_space(file) == narrow


def test_a_project_searches_the_spaces_it_has_composed(capsys: pytest.CaptureFixture[str]) -> None:
    """Its own rule and param are kept to, and it fits in thirty lines."""
    source = (EXAMPLES / "project.py").read_text()
    names: dict[str, Any] = {"__name__": "__main__"}

    exec(compile(shrink(source), "project.py", "exec"), names)

    best = ast.literal_eval(capsys.readouterr().out.splitlines()[-1])
    assert best["loss"] in ("mae", "mse", "huber")
    assert best["mlp.n_layers"] * best["mlp.width"] <= 128
    assert len([line for line in source.splitlines() if line]) < 30


@pytest.mark.usefixtures("ray_cluster")
def test_spaces_work_without_the_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Plain Optuna and plain Ray Tune find points of the space, with nothing of automl loaded."""
    monkeypatch.setenv("HOME", str(tmp_path))
    source = (EXAMPLES / "plain.py").read_text().replace("num_samples=10", "num_samples=3")
    names: dict[str, Any] = {"__name__": "plain"}

    exec(compile(source, "plain.py", "exec"), names)

    names["space"].validate(names["with_optuna"]())
    names["space"].validate(names["with_ray"]())
    assert "import automl" not in source
