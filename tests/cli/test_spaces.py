"""`automl space`: ready spaces, and files with one."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

import pytest
import yaml

from search_spaces import READY, SearchSpace, augmentation, choose, cnn, load_space, mlp
from search_spaces.schema import FILE
from tests.cli.conftest import Run


def test_ls(run: Run) -> None:
    """Every ready space is listed with what it is."""
    rows = run("space", "ls", "-f", "json").json

    assert {row["name"] for row in rows} == set(READY)
    assert all(row["parameters"] > 0 and row["about"] for row in rows)
    assert [row["group"] for row in rows] == ["architecture"] * 7 + ["training"] * 6
    assert all(name in run("space", "ls").out for name in READY)


def test_show_writes_a_space_file(run: Run, tmp_path: Path) -> None:
    """What is shown as YAML or JSON is a file that can be edited and searched."""
    for format in ("yaml", "json"):
        (tmp_path / f"space.{format}").write_text(run("space", "show", "mlp", "-f", format).out)

        assert load_space(f"space.{format}") == mlp()


def test_show_table_and_csv(run: Run) -> None:
    """The same lines for people and for spreadsheets."""
    rows = list(csv.DictReader(io.StringIO(run("space", "show", "mlp", "-f", "csv").out)))

    assert {row["name"]: row["range"] for row in rows} == dict(line.split(": ") for line in str(mlp()).splitlines())
    assert run("space", "show", "mlp").out.splitlines()[0].split() == ["name", "range"]


def test_check(run: Run, tmp_path: Path) -> None:
    """A right file is ok, what is fixed in it counted apart; a wrong one has all its problems named."""
    (tmp_path / "good.yaml").write_text("a: 1..3\nb: x|y\nc: =3\n")
    (tmp_path / "bad.yaml").write_text("a: 3..1\nb: x|x\n")

    good, bad = run("space", "check", "good.yaml"), run("space", "check", "bad.yaml", "-f", "json")

    assert (good.code, good.out, good.err) == (0, "good.yaml: ok, 3 parameters (1 fixed), 6 points\n", "")
    assert (bad.code, bad.json["ok"], len(bad.json["problems"])) == (2, False, 2)
    assert bad.errors == bad.json["problems"]


def test_sample(run: Run, tmp_path: Path) -> None:
    """Points of the space, the same ones for the same seed, in every format."""
    (tmp_path / "space.yaml").write_text("arch: mlp|cnn\nk: 3|5 when arch=cnn\n")

    points = run("space", "sample", "space.yaml", "-n", "4", "--seed", "1", "-f", "json").json

    rng, space = random.Random(1), SearchSpace({"arch": "mlp|cnn", "k": "3|5 when arch=cnn"})
    assert points == [space.sample(rng) for _ in range(4)]
    assert yaml.safe_load(run("space", "sample", "space.yaml", "-n", "4", "--seed", "1", "-f", "yaml").out) == points
    assert len(run("space", "sample", "space.yaml").out.splitlines()) == 6  # names, and five points


def test_files_of_every_form(run: Run, tmp_path: Path) -> None:
    """TOML and Python code are shown, checked and sampled like YAML; what code prints is not among the results."""
    (tmp_path / "space.toml").write_text('[cnn]\nwidth = "8..64 step 8"\n')
    (tmp_path / "spaces.py").write_text("print('heard')\ndef make():\n    return {'cnn.width': '8..64 step 8'}\n")

    for file in ("space.toml", "spaces.py:make"):
        shown, checked = run("space", "show", file, "-f", "json"), run("space", "check", file)
        sampled = run("space", "sample", file, "-n", "2", "--seed", "1", "-f", "json")

        assert SearchSpace(shown.json) == SearchSpace({"cnn.width": "8..64 step 8"})
        assert (checked.code, checked.out) == (0, f"{file}: ok, 1 parameter, 8 points\n")
        assert [set(point) for point in sampled.json] == [{"cnn.width"}] * 2


def test_check_warns_of_ends_that_meet(run: Run, tmp_path: Path) -> None:
    """A range with one value is right, but hardly meant: it is told with its place, and what to write."""
    (tmp_path / "space.yaml").write_text("lr: 0.1\nx: 3..3\n")
    warning = "space.yaml:2:4: x: low and high are both 3: write =3, or leave it out"

    ran = run("space", "check", "space.yaml", "-f", "json")

    assert (ran.code, ran.json["ok"], ran.json["warnings"]) == (0, True, [warning])
    assert ran.err == f"warning: {warning}\n"


OPTIONS = ["--arch", "mlp|cnn", "--lr", "1e-3..1e-1 log", "-p", "batch_size=32|64", "--ready", "augmentation"]


def test_new_prints_yaml(run: Run) -> None:
    """What options say of a space becomes a file to edit, which leads an editor to its schema."""
    ran = run("space", "new", *OPTIONS, "--require", "lr * batch_size < 3")

    expected = choose("arch", mlp=mlp(), cnn=cnn()) | augmentation() | {"lr": "1e-3..1e-1 log", "batch_size": "32|64"}
    head, _, text = ran.out.partition("\n")
    assert SearchSpace(yaml.safe_load(text)) == expected | {"require": ["lr * batch_size < 3"]}
    assert head == f"# yaml-language-server: $schema={FILE.as_uri()}"


@pytest.mark.parametrize("ending", [".yaml", ".toml", ".json"])
def test_new_writes_a_file(run: Run, tmp_path: Path, ending: str) -> None:
    """The ending says the format; a file that is there stays."""
    written = run("space", "new", *OPTIONS, "-o", f"space{ending}")
    again = run("space", "new", "--lr", "1..2", "-o", f"space{ending}")

    assert (written.code, written.out, written.err) == (0, "", f"written: space{ending}\n")
    assert again.errors == [f"--output space{ending}: cannot be written: File exists; name another file"]
    assert len(load_space(tmp_path / f"space{ending}")) > 10
    assert FILE.as_uri() in (tmp_path / f"space{ending}").read_text()
    assert run("space", "check", f"space{ending}").code == 0


def test_new_takes_variables(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `search` does, whose options these are."""
    monkeypatch.setenv("AUTOML_PARAM", "a=1..2; b=x|y")

    assert yaml.safe_load(run("space", "new", "-p", "a=3..4").out) == {
        "a": {"type": "int", "low": 3, "high": 4},
        "b": {"type": "categorical", "choices": ["x", "y"]},
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["new"],
        ["new", "--lr", "2..1"],
        ["new", "--arch", "mpl"],
        ["new", "--ready", "mpl"],
        ["new", "-p", "n=1..4", "--require", "n > 9"],
        ["new", "--lr", "1..2", "-o", "space.txt"],
        ["new", "--lr", "1..2", "-o", "nowhere/space.yaml"],
        ["show", "mpl"],
        ["export", "mlp"],
        ["export", "mpl", "--to", "ray"],
        ["sample", "mpl"],
        ["check", "mpl.yaml"],
        ["sample", "mlp", "-n", "0"],
        ["sample", "mlp", "-n", "x"],
    ],
)
def test_bad_input(run: Run, arguments: list[str]) -> None:
    """One line, exit 2."""
    ran = run("space", *arguments)

    assert ran.code == 2
    assert ran.out == ""
    assert len(ran.errors) == len(ran.err.splitlines()) == 1


EXPORTED = "arch: mlp|cnn\nlr: 1e-5..1e-1 log\nk: 3..7 step 2 when arch=cnn\n"


@pytest.mark.parametrize("library", ["optuna", "ray", "configspace"])
def test_export_as_source(run: Run, tmp_path: Path, library: str) -> None:
    """What is printed for a Python library is a program that runs, and speaks of every parameter."""
    (tmp_path / "space.yaml").write_text(EXPORTED)

    ran = run("space", "export", "space.yaml", "--to", library)

    found: dict[str, object] = {}
    exec(compile(ran.out, library, "exec"), found)
    assert found.keys() & {"suggest", "param_space", "space"}
    assert all(f"{name!r}" in ran.out for name in ("arch", "lr", "k"))


def test_export_as_data(run: Run, tmp_path: Path) -> None:
    """What is printed for others is YAML or JSON, and `--output` writes the same to a new file."""
    (tmp_path / "space.yaml").write_text("arch: mlp|cnn\nlr: 1e-5..1e-1 log\n")

    sweep = yaml.safe_load(run("space", "export", "space.yaml", "--to", "wandb").out)
    experiment = yaml.safe_load(run("space", "export", "space.yaml", "--to", "katib").out)
    written = run("space", "export", "space.yaml", "--to", "json-schema", "-o", "schema.json")

    assert sweep["parameters"]["arch"] == {"values": ["mlp", "cnn"]}
    assert experiment["parameters"][1]["feasibleSpace"] == {"min": "1e-05", "max": "0.1", "distribution": "logUniform"}
    assert (written.code, written.out) == (0, "")
    assert json.loads((tmp_path / "schema.json").read_text())["required"] == ["arch", "lr"]


def test_export_of_what_cannot_be_said(run: Run, tmp_path: Path) -> None:
    """Every parameter that the library cannot express is named, and no file is made or replaced."""
    (tmp_path / "space.yaml").write_text(EXPORTED)

    refused = run("space", "export", "space.yaml", "--to", "wandb", "-o", "sweep.yaml")
    taken = run("space", "export", "mlp", "--to", "optuna", "-o", "space.yaml")
    unknown = run("space", "export", "nothing", "--to", "optnua")

    assert (refused.code, taken.code, unknown.code) == (2, 2, 2)
    assert refused.errors == [
        "k: exists only when arch=cnn, and a W&B sweep has no conditions; convert one case at a time, made with "
        "space.fix({'arch': ...})"
    ]
    assert not (tmp_path / "sweep.yaml").exists()
    assert (tmp_path / "space.yaml").read_text() == EXPORTED
    assert len(unknown.errors) == 2
    assert "did you mean 'optuna'?" in unknown.errors[1]


def test_export_says_what_it_leaves_out(run: Run, tmp_path: Path) -> None:
    """Hints that a library has no place for are noted beside the result."""
    (tmp_path / "space.yaml").write_text("lr: 1e-5..1e-1 log default 1e-3 prior 1e-2\nwidth: 16<32<64\nn: 1..3\n")

    noted = {library: run("space", "export", "space.yaml", "--to", library).err for library in ("ray", "configspace")}

    assert noted["configspace"] == ""
    assert noted["ray"].splitlines() == [
        "note: ray has no place for",
        "  lr: default 0.001, prior 0.01",
        "  width: order of its choices",
    ]
