"""Study files: what is read of them, with the place of every problem, and what is written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.cli.given import keys
from automl.config import SAMPLERS, SINGULAR, StudyConfig
from automl.errors import ConfigError
from automl.redaction import without_password
from automl.study_file import Key, Kind, StudyFile, dumps, read
from search_spaces import SearchSpace
from search_spaces.documents import read_yaml
from tests import strategies
from tests.cli.test_help import search_command

KEYS: Mapping[str, Key] = {
    "trials": Key(Kind.TEXT),
    "format": Key(Kind.TEXT, ["table", "json"]),
    "home": Key(Kind.PATH),
    "isolate": Key(Kind.FLAG),
    "direction": Key(Kind.LIST),
    "lr": Key(Kind.RANGE),
    "param": Key(Kind.RANGES),
    "space": Key(Kind.SPACE),
}
TASKS = ("digits",)


def locate(text: str, folder: Path) -> str:
    if text not in TASKS:
        raise ConfigError(f"{text!r} is not in {folder.name}")
    return text


def load(text: str, name: str = "study.yaml") -> StudyFile:
    """Read a file that holds `text`."""
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(text)
    return read(name, KEYS, locate)


def test_what_every_kind_of_key_becomes(tmp_path: Path) -> None:
    """Scalars become what would be typed, ranges and spaces are kept apart, paths count from the file's folder."""
    found = load(
        "target: digits\ntrials: 40\nformat: json\nhome: runs\nisolate: true\ndirection: [minimize, maximize]\n"
        "lr: {type: float, low: 1e-4, high: 0.1, log: true}\nparam: {batch: 32|64, k: '3|5 when arch=cnn', c: 0.5}\n"
        "space: [mlp, spaces/mine.yaml, ../other.yaml]\n",
        "folder/study.yaml",
    )

    folder = tmp_path / "folder"
    assert found.problems == []
    assert found.target == "digits"
    assert found.values == {
        "trials": "40",
        "format": "json",
        "home": str(folder / "runs"),
        "isolate": True,
        "direction": ["minimize", "maximize"],
    }
    assert found.ranges == {"lr": "0.0001..0.1 log", "batch": "32|64", "k": "3|5 when arch=cnn", "c": "=0.5"}
    assert found.spaces == ["mlp", str(folder / "spaces/mine.yaml"), str(folder / "../other.yaml")]
    assert found.places["trials"] == "folder/study.yaml:2:9"


def test_parameters_written_in_the_file() -> None:
    """A space may stand in the study file itself, and ask about a parameter that the target brings."""
    found = load("target: digits\nspace:\n  width: 8..64\n  k: 3|5 when arch=cnn\n")

    assert found.problems == []
    assert found.spaces == [{"width": "8..64", "k": "3|5 when arch=cnn"}]


def test_spaces_in_code_count_from_the_folder_of_the_file(tmp_path: Path) -> None:
    """A file or module beside the study file is found from any folder; an installed module needs none."""
    (tmp_path / "mine.py").write_text("space = {'lr': '1..2'}")

    found = load("target: digits\nspace: [mine.py:space, mine:space, search_spaces:cnn]\n")

    assert found.problems == []
    assert found.spaces == [f"{tmp_path}/mine.py:space", f"{tmp_path}/mine:space", "search_spaces:cnn"]


def test_a_group_is_no_range() -> None:
    """Parameters may stand in groups where parameters are asked for, not where one range is."""
    good, bad = load("target: digits\nparam: {cnn: {width: 8..64}}\n"), load("target: digits\nlr: {a: 1..2}\n")

    assert good.ranges == {"cnn.width": "8..64"}
    assert [problem.partition(": ")[2] for problem in bad.problems] == [
        "lr must be a range such as 1e-4..1e-1 log, got {'a': '1..2'}"
    ]


def test_json() -> None:
    """The same language, in the other notation."""
    found = load(json.dumps({"target": "digits", "trials": 7, "param": {"x": "0..1"}}), "study.json")

    assert (found.target, found.values, found.ranges) == ("digits", {"trials": "7"}, {"x": "0..1"})


@pytest.mark.parametrize(
    ("number", "text"), [("5400.0", "5400.0"), ("1e-5", "0.00001"), ("1e20", "100000000000000000000"), ("7", "7")]
)
def test_numbers_are_typed_without_exponent(number: str, text: str) -> None:
    """A time of 1e-5 seconds is one that `--timeout` can read."""
    assert load(f"target: digits\ntrials: {number}\n").values == {"trials": text}


def test_every_problem_with_its_place() -> None:
    """All at once, in the order of the file."""
    found = load(
        "trails: 3\nformat: jsn\nhome: [a]\nisolate: 1\nlr: {type: float, low: 1, high: 0}\nparam: 3\n"
        "space: {x: 3..1}\ntarget: digit\ntrials: 1:30\ntrials: 4\ndirection: {a: 1}\n"
    )

    assert [problem.removeprefix("study.yaml:").partition(": ")[::2] for problem in found.problems] == [
        ("1:1", "'trails' is no option of a search; did you mean 'trials'?"),
        ("2:9", "format must be one of table, json, got 'jsn'; did you mean 'json'?"),
        ("3:1", "home must be a path, got ['a']"),
        ("4:10", "isolate must be true or false, got 1"),
        ("5:24", "lr: low 1.0 is above high 0.0: swap them"),
        ("6:8", "param must be a mapping of parameters to ranges, got 3"),
        ("7:12", "x: cannot read '3..1': low 3 is above high 1: swap them; an example: 1e-5..1e-1 log"),
        ("8:9", "'digit' is not in " + Path.cwd().name),
        ("9:9", 'YAML takes 1:30 for a number, 90; write "1:30" if it is text'),
        ("10:1", "'trials' stands on line 9 and again here: keep one of them"),
        ("11:1", "direction must be text or a list of texts, got {'a': 1}"),
    ]
    assert (found.target, found.values, found.ranges) == ("", {}, {})


@pytest.mark.parametrize("text", ["trials: 4\n", "x: 0..1\ny: a|b\n", "- digits\n"])
def test_file_that_is_no_study_file(text: str) -> None:
    """A search space given in the place of a study is told by what it lacks, and where it belongs."""
    (problem,) = load(text).problems

    assert problem.startswith("study.yaml:1:1: there is no target in it")
    assert problem.endswith("a search space is given as --space study.yaml")


@pytest.mark.parametrize(
    ("text", "said"), [("", "there is no target in it"), ("a: [1", "not valid YAML"), (None, "no such")]
)
def test_file_without_data(text: str | None, said: str) -> None:
    """One problem, and nothing else."""
    found = read("none.yaml", KEYS, locate) if text is None else load(text)

    assert len(found.problems) == 1
    assert said in found.problems[0]


def test_parameter_given_twice() -> None:
    """A range has one place."""
    (problem,) = load("target: digits\nlr: 0.1\nparam: {lr: 0.2}\n").problems

    assert problem == "study.yaml:3:13: lr was given a range already; give it one"


_metrics = strategies.texts.filter(lambda text: text.isprintable() and text != "")
_pairs = st.tuples(_metrics, st.sampled_from(["minimize", "maximize"]))

configs = st.builds(
    lambda pairs, **more: StudyConfig(metrics=[m for m, _ in pairs], directions=[d for _, d in pairs], **more),
    st.lists(_pairs, min_size=1, max_size=3, unique_by=lambda pair: pair[0]),
    target=st.just("digits"),
    kind=st.sampled_from(["task", "function"]),
    space=strategies.spaces(min_size=1),
    n_trials=st.integers(1, 10**9),
    constraints=st.lists(st.sampled_from(["latency_ms <= 5", "a b >= -0.5", "x <= 1e-05"]), unique=True),
    timeout=st.none() | st.floats(1e-9, 1e12),
    max_epochs=st.none() | st.integers(1, 10**6),
    sampler=st.sampled_from(SAMPLERS),
    early_stopping=st.sampled_from(["asha", "none", "asha eta=4"]),
    cpus=st.none() | st.floats(0.01, 64),
    seed=st.integers(0, 2**63 - 1),
    isolate=st.booleans(),
    tracking_uri=st.none() | st.sampled_from(["http://localhost:5000", "sqlite:////tmp/a b.db"]),
    env=st.lists(st.sampled_from(["HF_TOKEN", "A_KEY"]), unique=True),
)


@given(config=configs)
def test_what_is_written_says_the_same(config: StudyConfig) -> None:
    """Read back with the command's own keys, a written file has every setting, and the space, unchanged."""
    Path("study.yaml").write_text(dumps(config, head="two\nlines"), encoding="utf-8")

    found = read("study.yaml", keys(search_command()), locate)

    called = {"n_trials": "trials", "constraints": "constraint", **SINGULAR}
    expected = {
        called.get(each.name, each.name): getattr(config, each.name)
        for each in dataclasses.fields(config)
        if each.name not in ("target", "kind", "space") and getattr(config, each.name) not in (None, ())
    }
    arch = {} if config.kind == "function" else {"arch": "none"}
    assert found.problems == []
    assert found.values.keys() == (expected | arch).keys()
    assert [name for name, value in (expected | arch).items() if not says(found.values[name], value)] == []
    assert [SearchSpace() | space for space in found.spaces if not isinstance(space, str)] == [config.space]


def says(read: Any, value: Any) -> bool:
    """Say whether what was read, text of everything but a flag, is `value`."""
    if isinstance(value, tuple):
        return [*read] == [*value]
    if isinstance(value, float):
        return float(read) == value
    return read == (value if isinstance(value, bool) else str(value))


def test_a_python_function_is_named_in_a_comment() -> None:
    """No command line can call it; the file says so, and is refused for having no target."""
    text = dumps(config_of(kind="callable", target="fit\n<locals>.objective"))

    assert "target" not in read_yaml(text).data
    assert text.startswith("# target: a Python function, 'fit\\n<locals>.objective'")


@pytest.mark.parametrize("key", ["sampler", "early_stopping"])
def test_an_object_of_ones_own_is_named_in_a_comment(key: str) -> None:
    """Only Python can hand it over."""
    text = dumps(config_of(**{key: "own:Mine"}))

    assert key not in read_yaml(text).data
    assert text.startswith(f"# {key}: a Python object, 'own:Mine'")


def test_no_password_is_written() -> None:
    """A URL keeps its user and loses the password."""
    text = dumps(config_of(tracking_uri="https://ada:s3cret@example.org:8443/mlflow"), more={"name": "n", "home": None})

    assert "s3cret" not in text
    assert read_yaml(text).data["tracking_uri"] == "https://ada@example.org:8443/mlflow"
    assert read_yaml(text).data["name"] == "n"
    assert "home" not in text


@pytest.mark.parametrize("text", ["plain", "http://[", "sqlite:///a@b:c.db", "file:/x:y@z", "https://ada@example.org/"])
def test_what_has_no_password_stays(text: str) -> None:
    """Nothing else is touched."""
    assert without_password(text) == text


def config_of(**more: Any) -> StudyConfig:
    space = SearchSpace({"x": "0..1"})
    return StudyConfig(**{"target": "digits", "space": space, "metrics": ("m",), "directions": ("minimize",)} | more)
