"""`--storage`: ledgers of several studies in one database, found again without retyping, and no password anywhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from automl.home import Home
from automl.ledger import postgres as postgres_module
from tests.cli.conftest import LOCAL, ROOT, SEARCH, Run
from tests.postgres import PASSWORD, Cluster

Start = Callable[..., "subprocess.Popen[str]"]
ONE = [*SEARCH, *LOCAL, "--trials", "1", "--early-stopping", "none", "-q"]


@pytest.fixture
def url(storage_url: str, tmp_path: Path) -> str:
    """An empty database of each kind, which can be given to `--storage`."""
    (tmp_path / "a%20b ü").mkdir(exist_ok=True)
    return storage_url


def shown(url: str) -> str:
    return re.sub(r"//(\w+):.*@", r"//\1@", url)


def first_trial_runs(process: subprocess.Popen[str]) -> None:
    """Wait until a search with the file `hold` is in its second trial."""
    assert process.stderr is not None
    said = ""
    while "trial 1 speaks" not in said:
        said = process.stderr.readline()
        assert said, "the search ended before its second trial"


class TestOneDatabase:
    """Studies side by side."""

    def test_every_verb_finds_a_study_by_its_folder(
        self, run: Run, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The URL is said once; the password, where there is one, comes from the environment."""
        assert run(*ONE, "--storage", url).code == 0
        monkeypatch.setenv("PGPASSWORD", PASSWORD)

        status = run("status", "train-1", "-f", "json").json
        codes = [
            run(*words).code
            for words in (["ls"], ["top", "train-1"], ["show", "train-1", "0"], ["doctor"], ["stop", "train-1"])
        ]
        resumed = run("resume", "train-1", "--trials", "+1", "-q", "-f", "json")

        assert (status["state"], status["storage"]) == ("finished", shown(url))
        assert codes == [0] * 5
        assert resumed.json["counts"]["COMPLETE"] == 2
        assert resumed.json["resume"] == "automl resume train-1 --trials +20"
        assert not (tmp_path / "automl_runs" / "train-1" / "ledger.db").exists()

    def test_names_are_free_in_the_database_too(self, run: Run, url: str) -> None:
        """Two homes share it: numbers go on, and a name that is taken is exit 3."""
        for home in ("one", "two"):
            assert run(*ONE, "--storage", url, "--home", home).code == 0

        taken = run(*ONE, "--storage", url, "--home", "three", "--name", "Train-2")

        assert [row["name"] for row in run("ls", "--storage", url, "-f", "json").json] == ["train-1", "train-2"]
        assert Home.find("two").studies() == ["train-2"]
        assert taken.code == 3
        assert "study 'train-2' exists in" in taken.errors[0]
        assert not Path("three").exists()

    def test_a_study_goes_on_in_another_home(self, run: Run, url: str) -> None:
        """Its ledger is all that is needed; what is new lies in the new home, which remembers the database."""
        assert run(*ONE, "--storage", url, "--home", "one").code == 0

        ran = run("resume", "train-1", "--storage", url, "--home", "two", "--trials", "+1", "-q", "-f", "json")

        assert ran.json["counts"]["COMPLETE"] == 2
        assert {path.name for path in Path("two/train-1").iterdir()} >= {"ledger.json", "study.yaml", "space.yaml"}

    def test_rm_leaves_the_others(self, run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A study goes with its rows; the database and its other studies stay."""
        for _ in range(2):
            assert run(*ONE, "--storage", url).code == 0
        monkeypatch.setenv("PGPASSWORD", PASSWORD)

        assert run("rm", "train-1", "--yes").code == 0

        assert [row["name"] for row in run("ls", "--storage", url, "-f", "json").json] == ["train-2"]
        assert [path.name for path in Path("automl_runs").iterdir()] == ["train-2"]

    def test_a_database_without_studies(self, run: Run, url: str) -> None:
        """It is empty, not broken, and looking makes nothing in it."""
        listed, asked = run("ls", "--storage", url), run("status", "x", "--storage", url)

        assert (listed.code, listed.err) == (0, f"no studies in {shown(url)}\n")
        assert asked.code == 2
        assert asked.errors == [f"no study 'x' in {shown(url)}, which has no studies: see `automl ls`, or give --home"]

    def test_a_study_that_has_its_own_ledger(self, run: Run, finished: str, url: str) -> None:
        """A variable that is set does not hide what a folder holds; what to do is said."""
        ran = run("status", finished, "--storage", url)

        assert ran.code == 2
        assert f"study {finished!r} in" in ran.errors[0]
        assert "leave --storage and $AUTOML_STORAGE out" in ran.errors[0]

    def test_a_search_that_cannot_begin_leaves_nothing(self, run: Run, url: str) -> None:
        """Resources that do not exist are found after the name was taken: it is given back."""
        arguments = [*SEARCH, "--tracker", "none", "--cpus", "4000", "--storage", url]

        ran = run(*arguments)

        assert ran.code == 2
        assert "--cpus 4000" in ran.errors[0]
        assert run("ls", "--storage", url, "-f", "json").json == []
        assert not Path("automl_runs").exists()


class TestTwoDrivers:
    """Processes that want the same."""

    def test_two_searches_at_once(self, start: Start, run: Run, postgres_url: str) -> None:
        """In an empty database, from two homes: each makes a study of its own."""
        both = [start(*ONE, "--storage", postgres_url, "--home", home) for home in ("one", "two")]

        said = [process.communicate(timeout=60)[1] for process in both]

        assert [process.returncode for process in both] == [0, 0], said
        assert sorted(row["name"] for row in run("ls", "--storage", postgres_url, "-f", "json").json) == [
            "train-1",
            "train-2",
        ]

    def test_two_resume_at_once(self, start: Start, run: Run, postgres_url: str, tmp_path: Path) -> None:
        """After a kill, one of two drivers goes on, and the other is exit 6 with who it is."""
        (tmp_path / "hold").touch()
        storage = ["--storage", postgres_url]
        killed = start(*SEARCH, *LOCAL, "--trials", "3", "--early-stopping", "none", *storage)
        first_trial_runs(killed)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()

        both = [start("resume", "train-1", *storage) for _ in range(2)]
        while all(process.poll() is None for process in both):
            assert os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT) is not None  # until one has ended
        loser, winner = sorted(both, key=lambda process: process.poll() is None)
        (tmp_path / "go").touch()

        said = [process.communicate(timeout=60)[1] for process in (loser, winner)]
        assert [loser.returncode, winner.returncode] == [6, 0], said
        assert f"is being run by process {winner.pid} on {socket.gethostname()} since" in said[0]
        counts = run("status", "train-1", *storage, "-f", "json").json["counts"]
        assert counts["COMPLETE"] == 3
        assert run("doctor", "train-1", *storage).code == 0


class TestBadStorage:
    """Exit code, one line, no password, nothing made."""

    @pytest.mark.parametrize(
        ("url", "code", "said"),
        [
            ("foo", 2, "storage 'foo': this is no URL; write postgresql://"),
            ("postgres://ada:canary@db/x", 2, "storage 'postgres://***@db/x': write postgresql://, not postgres://"),
            ("postgresql://ada:canary@db:http/x", 2, "is the port a number?"),
            ("sqlite://", 2, "studies in memory would be lost"),
            ("sqlite:///none/all.db", 2, "there is no folder"),
            ("sqlite:///train.py", 2, "train.py is no SQLite database"),
            ("postgresql://ada:canary@nowhere.invalid/x", 4, "nowhere.invalid/x does not answer"),
            ("postgresql://ada:canary@127.0.0.1:9/x", 4, "postgresql://ada@127.0.0.1:9/x does not answer"),
        ],
    )
    def test_what_cannot_be(self, run: Run, url: str, code: int, said: str) -> None:
        """Said before anything starts."""
        ran = run(*ONE, "--storage", url)

        assert (ran.code, ran.out) == (code, "")
        assert len(ran.errors) == len(ran.err.splitlines()) == 1, ran.err
        assert said in ran.err
        assert "canary" not in ran.err
        assert not Path("automl_runs").exists()

    def test_a_wrong_password(self, run: Run, postgres: Cluster) -> None:
        """Neither the wrong one nor the right one is shown, in the traceback neither."""
        ran = run(*ONE, "--storage", postgres.url("postgres", password="wrong canary"), "-v")

        assert ran.code == 2
        assert 'password authentication failed for user "ada"' in ran.errors[0]
        assert "wrong" not in ran.err

    def test_several_problems(self, run: Run) -> None:
        """A storage is one of them."""
        ran = run("search", "digits", "--storage", "foo", "--home", "train.py", "--trials", "none")

        assert ran.code == 2
        assert len(ran.errors) == 3

    def test_a_host_that_says_nothing(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server that takes the connection and never answers costs the seconds that connecting may take."""
        assert postgres_module._CONNECT["connect_timeout"] == 5
        monkeypatch.setitem(postgres_module._CONNECT, "connect_timeout", 2)  # the least there is
        with socket.create_server(("127.0.0.1", 0)) as server:
            ran = run("ls", "--storage", f"postgresql://ada@127.0.0.1:{server.getsockname()[1]}/x")

        assert ran.code == 4
        assert "does not answer: connection timeout expired" in ran.err

    def test_one_dead_server_is_asked_once(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """`ls` of a home with many studies there does not wait for each of them, and shows those that are elsewhere."""
        assert run(*ONE).code == 0
        with socket.create_server(("127.0.0.1", 0)) as server:
            for name in ("a", "b", "c"):
                Path("automl_runs", name).mkdir()
                pointer = {"storage": f"postgresql://ada@127.0.0.1:{server.getsockname()[1]}/x"}
                Path("automl_runs", name, "ledger.json").write_text(json.dumps(pointer))
            monkeypatch.setitem(postgres_module._CONNECT, "connect_timeout", 2)

            ran = run("ls", "-f", "json")

            server.settimeout(0)
            server.accept()[0].close()
            with pytest.raises(BlockingIOError):
                server.accept()
        assert [row["name"] for row in ran.json] == ["train-1"]
        assert ran.err.count("does not answer") == 3


def test_the_password_is_nowhere(
    start: Start, postgres_url: str, tmp_path: Path, mlflow_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in any file, output or command line of a search with delivery, its status, and its resume."""
    (tmp_path / "hold").touch()
    (tmp_path / "automl_runs").mkdir()
    (tmp_path / "automl_runs" / "mlflow.db").write_bytes(mlflow_template.read_bytes())
    monkeypatch.setenv("AUTOML_STORAGE", postgres_url)
    search = start(*SEARCH, "--executor", "local", "--trials", "2", "--early-stopping", "none", "-v")
    first_trial_runs(search)
    driver = psutil.Process(search.pid)
    lines = b"".join(Path(f"/proc/{each.pid}/cmdline").read_bytes() for each in [driver, *driver.children(True)])
    (tmp_path / "go").touch()

    said = [text for text in search.communicate(timeout=60) if text]
    for words in (["status", "train-1", "-f", "json"], ["resume", "train-1", "--trials", "+1", "--json"], ["doctor"]):
        said += start(*words).communicate(timeout=60)

    assert search.returncode == 0, said
    assert b"automl.courier" in lines
    secret = postgres_url.partition("ada:")[2].partition("@")[0]
    found = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found |= {Path("command lines"): lines, Path("output"): "".join(said).encode()}
    for word in (PASSWORD, secret, "canary"):
        assert [str(path) for path, content in found.items() if word.encode() in content] == []


def test_the_readme_is_followed(run: Run, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands on one database for several studies, typed as they stand, with the test's own server."""
    text = (ROOT / "README.md").read_text().partition("## One database for several studies")[2].partition("```\n")[0]
    commands = [shlex.split(line[2:], comments=True) for line in text.splitlines() if line.startswith("$ ")]
    assert commands[0] == ["pip", "install", "automl-search[postgres]"]
    assert commands[1][1].startswith("AUTOML_STORAGE=postgresql://ada:")
    monkeypatch.setenv("AUTOML_STORAGE", postgres_url)
    small = {"search": ["--trials", "1", "--max-epochs", "1", *LOCAL, "-q"]}

    codes = [run(*command[1:], *small.get(command[1], [])).code for command in commands[2:]]

    assert codes == [0, 0]
    assert Home.find().studies() == ["shared"]
