"""`automl space`: ready spaces, and files with one."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest
import yaml

from search_spaces import READY, SearchSpace, load_space, mlp
from tests.cli.conftest import Run


def test_ls(run: Run) -> None:
    """Every ready space is listed with what it is."""
    rows = run("space", "ls", "-f", "json").json

    assert {row["name"] for row in rows} == set(READY)
    assert all(row["parameters"] > 0 and row["about"] for row in rows)
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
    """A right file is ok; a wrong one has all its problems named."""
    (tmp_path / "good.yaml").write_text("a: 1..3\nb: x|y\n")
    (tmp_path / "bad.yaml").write_text("a: 3..1\nb: x|x\n")

    good, bad = run("space", "check", "good.yaml"), run("space", "check", "bad.yaml", "-f", "json")

    assert (good.code, good.out, good.err) == (0, "good.yaml: ok, 2 parameters, 6 points\n", "")
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


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "mpl"],
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
