"""`automl status --watch`: real searches in processes of their own, held by a named pipe."""

from __future__ import annotations

import itertools
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.cli.conftest import ROOT, Run
from tests.cli.test_control import Start, held, let_go, read_until

__all__ = ["held"]

WATCH = ["status", "s", "--watch"]


def next_status(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read one line of `-f json`."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the watching ended"
    return dict(json.loads(line))


def test_lines(held: subprocess.Popen[str], run: Run, start: Start, tmp_path: Path) -> None:
    """In a pipe a line for each trial that ends, and how it stands at the end."""
    run("stop", "s", "--no-wait")
    watch = start(*WATCH)
    assert watch.stdout is not None
    assert watch.stdout.readline() == "asked to stop: ending 1 trial\n"
    read_until(held, "asked to stop")

    let_go(tmp_path)
    out, err = watch.communicate(timeout=60)

    first, *rest = out.splitlines()
    assert (watch.returncode, err) == (0, "")
    assert first.startswith("trial 1 COMPLETE val_loss ")
    assert first.endswith(" at step 1, 2 of 4 done")
    assert [line.split()[:2] for line in rest[:2]] == [["study", "s"], ["state", "interrupted"]]
    assert rest[-1].split(maxsplit=2) == ["go", "on", "automl resume s"]


def test_json_over_death_and_resume(held: subprocess.Popen[str], run: Run, start: Start, tmp_path: Path) -> None:
    """A status a line, only when it has changed; a driver that is killed ends nothing, the next one is followed."""
    watch = start(*WATCH, "-f", "json")
    running = next_status(watch)
    held.kill()
    died = next_status(watch)
    (tmp_path / "gate").unlink()
    (tmp_path / "gate").touch()
    run("resume", "s", "-q")

    out, _ = watch.communicate(timeout=60)

    lines = [running, died, *map(json.loads, out.splitlines())]
    assert watch.returncode == 0
    assert (running["state"], running["owner"]["pid"]) == ("running", held.pid)
    assert (died["state"], died["owner"]) == ("interrupted", None)
    assert (lines[-1]["state"], lines[-1]["counts"]["COMPLETE"]) == ("finished", 4)
    assert all(one != other for one, other in itertools.pairwise(lines))


def test_ctrl_c_ends_the_watching_only(held: subprocess.Popen[str], start: Start, tmp_path: Path) -> None:
    """Exit 130 without a word; the search goes on."""
    watch = start(*WATCH, "-f", "json")
    next_status(watch)

    watch.send_signal(signal.SIGINT)
    out, err = watch.communicate(timeout=60)

    assert (watch.returncode, out, err) == (130, "", "")
    let_go(tmp_path)
    held.communicate(timeout=60)
    assert held.returncode == 0


def test_on_a_screen(held: subprocess.Popen[str], tmp_path: Path) -> None:
    """The panel of the search, then how it stands."""
    terminal, end = pty.openpty()
    watch = subprocess.Popen(
        [sys.executable, "-c", "import sys; from automl.cli import main; sys.exit(main())", *WATCH],
        stdin=end,
        stdout=end,
        stderr=end,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "100"},
    )
    os.close(end)
    shown = ""
    while "1 complete" not in shown or "1 running" not in shown:
        shown += os.read(terminal, 65536).decode(errors="replace")

    let_go(tmp_path)
    held.communicate(timeout=60)
    after = ""
    while "ledger" not in after:
        after += os.read(terminal, 65536).decode(errors="replace")
    assert watch.wait(60) == 0
    os.close(terminal)

    assert "s: minimize val_loss" in shown
    assert "finished" in after


def test_a_study_that_has_ended(run: Run, finished: str) -> None:
    """There is nothing to watch: it is `status`."""
    assert run("status", finished, "--watch").out == run("status", finished).out
    assert run("status", finished, "--watch", "-f", "json").json == run("status", finished, "-f", "json").json


def test_formats_that_come_in_one_piece(run: Run, finished: str) -> None:
    """What has a head or an end cannot be printed bit by bit."""
    ran = run("status", finished, "--watch", "-f", "csv")

    assert ran.code == 2
    assert ran.errors == ["--watch prints a table or json, got -f csv"]


def test_a_reader_that_goes_away(held: subprocess.Popen[str], start: Start, tmp_path: Path) -> None:
    """`automl status --watch | head` ends with the head."""
    watch = start(*WATCH)
    assert watch.stdout is not None
    watch.stdout.close()

    let_go(tmp_path)
    _, err = watch.communicate(timeout=60)

    assert (watch.returncode, err) == (141, "")
    held.communicate(timeout=60)
    assert held.returncode == 0
