"""Shell completion: scripts for three shells, and what they are told after TAB, without a framework being loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from automl.cli import main
from automl.home import DEFAULT
from search_spaces import READY
from tests.cli.conftest import ROOT
from tests.cli.test_help import HEAVY

CODE = (
    "import atexit, sys; from automl.cli import main;"
    f"atexit.register(lambda: print('loaded', *[name for name in {HEAVY} if name in sys.modules], file=sys.stderr));"
    "sys.exit(main())"
)


Asked = Callable[..., list[str]]


def protocol(shell: str, line: str) -> dict[str, str]:
    """Return the variables by which a shell asks what may stand at the end of a command line."""
    return {
        "_AUTOML_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Asked:
    """Return a function that returns what is offered at the end of a command line."""

    def asked(line: str, shell: str = "bash", **variables: str) -> list[str]:
        for name, value in (protocol(shell, line) | variables).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit):
            main([])
        return capsys.readouterr().out.split()

    return asked


@pytest.mark.parametrize("line", ["automl search digits --sampler t", "automl status ", "automl "])
def test_nothing_heavy_is_loaded(line: str) -> None:
    """Who presses TAB does not wait."""
    ran = subprocess.run(
        [sys.executable, "-c", CODE],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **protocol("bash", line)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stderr == "loaded\n"


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("automl stat", ["status"]),
        ("automl search dig", ["digits"]),
        ("automl search digits --sampler t", ["tpe"]),
        ("automl search digits --early-stopping a", ["auto", "asha"]),
        ("automl search digits --executor ", ["ray", "local"]),
        ("automl search digits --direction m", ["minimize", "maximize"]),
        ("automl search digits --arch ", ["autoencoder", "cnn", "gan", "mlp", "rnn", "transformer", "vae", "none"]),
        ("automl search digits --space opt", ["optimizers"]),
        ("automl search digits --space o", ["optimizers"]),
        ("automl space show ", [*READY, "train.py"]),
        ("automl ls -f j", ["json"]),
        ("automl search digits --max-e", ["--max-epochs"]),
        ("automl search train.p", []),
    ],
)
def test_names(asked: Asked, line: str, offered: list[str]) -> None:
    """Bash is offered every name that may come next, and files (nothing) where none does."""
    assert asked(line) == offered


def test_space_files(asked: Asked, tmp_path: Path) -> None:
    """Beside ready spaces, the files that may hold one and the folders on the way to more; nothing hidden."""
    for name in ("scores.csv", "space.toml", "space.yaml", "sub/spaces.json", ".hidden/x.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert asked("automl space check s") == ["space.toml", "space.yaml", "sub/"]
    assert asked("automl space show s") == ["schedules", "space.toml", "space.yaml", "sub/"]
    assert asked("automl search digits --space sub/") == ["sub/spaces.json"]
    assert asked("automl space new --ready opt") == ["optimizers"]
    assert asked(f"automl space check {tmp_path}/space.t") == [f"{tmp_path}/space.toml"]
    assert asked("automl space check nowhere/") == []


@pytest.mark.parametrize("verb", ["resume", "status", "top", "show", "ui", "sync", "doctor", "stop", "rm"])
def test_studies(asked: Asked, tmp_path: Path, verb: str) -> None:
    """The studies of the usual home; no claim on a name, and nothing else that lies there."""
    for name in ("digits-1", "digits-2", "train-1"):
        (tmp_path / DEFAULT / name).mkdir(parents=True)
        (tmp_path / DEFAULT / name / "study.yaml").touch()
    (tmp_path / DEFAULT / "digits-3").mkdir()

    assert asked(f"automl {verb} dig") == ["digits-1", "digits-2"]


def test_studies_of_another_home(asked: Asked, tmp_path: Path) -> None:
    """That of the variable, and before it that of the command line."""
    for home in ("a", "b"):
        (tmp_path / home / f"in-{home}").mkdir(parents=True)
        (tmp_path / home / f"in-{home}" / "study.yaml").touch()

    assert asked("automl status ", AUTOML_HOME="a") == ["in-a"]
    assert asked("automl status --home b ", AUTOML_HOME="a") == ["in-b"]
    assert asked("automl status ", AUTOML_HOME="nowhere") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(asked: Asked, shell: str) -> None:
    """They get the same names in their own words."""
    assert "random" in " ".join(asked("automl search digits --sampler r", shell))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shell: str) -> None:
    """Each shell gets a script that asks automl."""
    monkeypatch.setenv("_AUTOML_COMPLETE", f"source_{shell}")

    with pytest.raises(SystemExit) as ended:
        main([])

    assert ended.value.code == 0
    assert f"_AUTOML_COMPLETE=complete_{shell}" in capsys.readouterr().out


def test_bash_takes_the_script(tmp_path: Path) -> None:
    """In a real bash the script defines a completion that offers what `automl` says."""
    automl = tmp_path / "automl"
    automl.write_text(f"#!{sys.executable}\n{CODE}\n")
    automl.chmod(0o755)
    program = """
        source <(_AUTOML_COMPLETE=source_bash automl)
        COMP_WORDS=(automl search digits --sampler t) COMP_CWORD=4
        $(complete -p automl | sed 's/.*-F \\([^ ]*\\).*/\\1/') automl t --sampler
        echo "${COMPREPLY[@]}"
    """

    ran = subprocess.run(
        ["bash", "--norc", "-c", program],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout == "tpe\n", ran.stderr
