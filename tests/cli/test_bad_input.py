"""Bad input: the exit code of its class, a line a problem with the value seen, no traceback, and nothing created."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import LOCAL, SEARCH, Run

FILES = {
    "empty.yaml": "",
    "open.yaml": "lr: [1, 2\n",
    "bad.yaml": "a: 2..1\nb: {type: float, low: 0, high: 1, log: true}\nc: {type: categorical, choices: [x, x]}\n"
    "d: {type: float, low: .nan, high: 1}\n",
    "list.json": "[1, 2]",
}

CASES = [
    ("unknown task", ["digit"], ["'digit' is no task; did you mean 'digits'?"]),
    ("unknown sampler", ["digits", "--sampler", "tpee"], ["--sampler 'tpee' is unknown; did you mean 'tpe'?"]),
    ("unknown executor", ["digits", "--executor", "rya"], ["--executor 'rya' is unknown; did you mean 'ray'?"]),
    ("unknown tracker", ["digits", "--tracker", "wandb"], ["--tracker 'wandb' is unknown"]),
    (
        "unknown rule",
        ["digits", "--early-stopping", "ahsa"],
        ["--early-stopping 'ahsa' is unknown; did you mean 'asha'?"],
    ),
    ("unknown metric", ["digits", "--metric", "acuracy"], ["--metric 'acuracy' is unknown"]),
    ("unknown direction", ["digits", "--direction", "up"], ["--direction 'up' is unknown"]),
    (
        "unknown arch",
        ["digits", "--arch", "mpl|cnn"],
        ["--arch 'mpl': task 'digits' has mlp, cnn; did you mean 'mlp'?"],
    ),
    ("missing space file", ["digits", "--space", "none.yaml"], ["--space: none.yaml: there is no such file"]),
    ("neither name nor file", ["digits", "--space", "mpl"], ["--space: 'mpl' is neither a ready space"]),
    ("empty space file", ["digits", "--space", "empty.yaml"], ["--space: empty.yaml:1:1:"]),
    ("malformed space file", ["digits", "--space", "open.yaml"], ["--space: open.yaml:2:1: not valid YAML"]),
    ("space that is a list", ["digits", "--space", "list.json"], ["--space: list.json:1:1:"]),
    (
        "every problem of a file",
        ["digits", "--space", "bad.yaml"],
        [
            "--space: bad.yaml:1:4: a: cannot read '2..1': low 2 is above high 1",
            "--space: bad.yaml:2:23: b: low must be above 0",
            "--space: bad.yaml:3:24: c: choices 1 and 2 are both",
            "--space: bad.yaml:4:23: d: low must be a finite number, got nan",
        ],
    ),
    ("low above high", ["digits", "--lr", "1..0.1"], ["--lr: cannot read '1..0.1': low 1"]),
    ("log from zero", ["digits", "--lr", "0.0..1 log"], ["--lr: cannot read '0.0..1 log': low must be above 0"]),
    ("duplicate choices", ["digits", "--optimizer", "sgd|sgd"], ["--optimizer: cannot read 'sgd|sgd'"]),
    ("NaN bound", ["digits", "--dropout", "nan..1"], ["--dropout: cannot read 'nan..1'"]),
    ("no range", ["digits", "-p", "batch_size"], ["-p 'batch_size': write NAME=RANGE"]),
    ("param that nothing reads", ["digits", "-p", "widht=1..4"], ["widht"]),
    ("no trials", ["digits", "--trials", "0"], ["--trials must be a whole number from 1 to 1000000000, got 0"]),
    ("trials in words", ["digits", "--trials", "abc"], ["--trials must be a whole number, got 'abc'"]),
    ("more trials of nothing", ["digits", "--trials", "2.5"], ["--trials must be a whole number, got '2.5'"]),
    ("no time", ["digits", "--timeout", "0"], ["--timeout must be a time above 0 seconds, got 0.0"]),
    (
        "time in words",
        ["digits", "--timeout", "soon"],
        ["--timeout must be a time such as 90, 90s, 15m or 1h30m, got 'soon'"],
    ),
    ("CPUs that are none", ["digits", "--cpus", "-1"], ["--cpus must be a number from 0.01, got -1.0"]),
    ("infinite GPUs", ["digits", "--gpus", "inf"], ["--gpus must be a number, got 'inf'"]),
    (
        "parallel and local",
        ["digits", "--executor", "local", "--parallel", "4"],
        ["--executor local runs one trial at a time"],
    ),
    ("negative seed", ["digits", "--seed", "-1"], ["--seed must be a whole number from 0"]),
    ("name that is a path", ["digits", "--name", "../x"], ["study name '../x'"]),
    ("home that is a file", ["digits", "--home", "train.py"], ["train.py is a file; give a folder"]),
    ("no such file", ["trian.py:objective", "-p", "x=0..1"], ["trian.py does not exist; did you mean 'train.py'?"]),
    (
        "no such function",
        ["train.py:objektive", "-p", "x=0..1"],
        ["has no function 'objektive'; did you mean 'objective'?"],
    ),
    ("no function named", ["train.py", "-p", "x=0..1"], ["'train.py' names no function; write train.py:"]),
    ("no module", ["nowhere.train:f", "-p", "x=0..1"], ["there is no module 'nowhere.train'"]),
    ("no space", ["train.py:objective", "--metric", "val_loss"], ["the search space is empty"]),
    ("no direction", ["train.py:objective", "-p", "x=0..1", "--metric", "score"], ["--direction is needed"]),
    (
        "several at once",
        ["digits", "--lr", "1..0", "--trials", "abc", "--timeout", "x", "--sampler", "tpee", "--name", "a/b"],
        ["--lr: cannot", "--trials must", "--timeout must", "--sampler 'tpee'", "study name 'a/b'"],
    ),
]


@pytest.mark.parametrize(("arguments", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_search(run: Run, tmp_path: Path, arguments: list[str], said: list[str]) -> None:
    """Whatever is wrong is said, a line each, before anything is made."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    ran = run("search", *arguments)

    assert ran.code == 2
    assert ran.out == ""
    assert len(ran.errors) == len(ran.err.splitlines()) == len(said), ran.err
    assert all(any(text in line for line in ran.errors) for text in said), ran.err
    assert not (tmp_path / "automl_runs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "trian-1"], "no study 'trian-1' in"),
        (["resume", "trian-1"], "there is train-1"),
        (["top", "trian-1"], "there is train-1"),
        (["show", "trian-1"], "there is train-1"),
        (["sync", "trian-1"], "there is train-1"),
        (["ui", "trian-1"], "there is train-1"),
        (["doctor", "trian-1"], "there is train-1"),
        (["status", "a/b"], "study name 'a/b'"),
        (["top", "train-1", "-n", "few"], "-n must be a whole number, got 'few'"),
        (["show", "train-1", "4"], "has no trial 4; it has 0 to 3"),
        (["show", "train-1", "-1"], "-1"),
        (["show", "train-1", "best"], "TRIAL must be a whole number, got 'best'"),
        (["show", "train-1", "--log"], "--log needs the number of a trial"),
        (["show", "train-1", "0", "--log"], "trial 0 of train-1 has no log"),
        (["resume", "train-1", "--trials", "+few"], "--trials must be a whole number or +N"),
        (["resume", "train-1", "--parallel", "0"], "--parallel must be a whole number from 1 to 1000000000, got 0"),
        (["resume", "train-1", "--metric", "other"], "No such option: --metric"),
        (["sync", "train-1"], "made with --tracker none"),
        (["ui", "train-1"], "made with --tracker none"),
        (["ui", "--port", "http"], "--port must be a whole number, got 'http'"),
        (["ui"], "no study in"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_study_asked_about(run: Run, finished: str, arguments: list[str], said: str) -> None:
    """An unknown study, trial or number is bad input, with what there is instead."""
    ran = run(*arguments)

    assert ran.code == 2
    assert ran.out == ""
    assert len(ran.errors) == len(ran.err.splitlines()) == 1, ran.err
    assert said in ran.err


def test_no_study_at_all(run: Run, tmp_path: Path) -> None:
    """To ask about a study in a home that is not there makes no home."""
    ran = run("resume", "train-1", "--home", "elsewhere")

    assert ran.code == 2
    assert "it has no studies" in ran.err
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("change", [["--metric", "other_loss"], ["--direction", "maximize"], ["-p", "y=0..1"], []])
def test_name_that_is_taken(run: Run, finished: str, change: list[str]) -> None:
    """A study is never searched twice, let alone as another one: exit 3 with the command that goes on."""
    before = run("status", finished, "-f", "json").json

    ran = run(*SEARCH, *LOCAL, "--name", finished, *change)

    assert ran.code == 3
    assert len(ran.errors) == 1
    assert f"automl resume {finished}" in ran.err
    assert run("status", finished, "-f", "json").json == before


def test_home_that_cannot_be_made(run: Run, tmp_path: Path) -> None:
    """What the system refuses is a line too."""
    (tmp_path / "file").write_text("")

    ran = run(*SEARCH, *LOCAL, "--home", "file/home")

    assert ran.code == 2
    assert len(ran.errors) == 1
    assert "file" in ran.err
    assert "Traceback" not in ran.err
