"""Kill a search at a random moment, resume it, and see whether anything was lost: `python -m tests.kill --rounds 20`.

A round runs `automl search` with Ray workers and MLflow, as a user would, sends the driver SIGKILL, types
`automl resume`, and compares: what was finished before must stand unchanged, all trials must be there once, each with
one MLflow run, and the objective's own history file, which the system under test never reads, must know of them all.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from automl.home import Home
from automl.trial import TrialRecord

TRIALS = 20
OBJECTIVE = """
import os

def objective(trial):
    assert "AUTOML_STORAGE" not in os.environ, "workers hold no password"

    def note(what):
        with open(os.path.join(os.path.dirname(__file__), "history"), "a") as file:
            file.write(f"{trial.number} {what}\\n")

    note("start")
    first = trial.restored.step + 1 if trial.restored else 1
    for step in range(first, trial.max_epochs + 1):
        sum(i * i for i in range(300_000))
        loss = (trial.params["x"] - 0.3) ** 2 + 1 / step
        with trial.checkpoint(step) as folder:
            (folder / "step").write_text(str(step))
        trial.report(step, loss=loss)
    note("end")
    return {"loss": loss}
"""


def automl(*arguments: str) -> list[str]:
    """Return the command line that a user would type."""
    return [str(Path(sys.executable).with_name("automl")), *arguments]


def play(folder: Path, seed: int, storage: str | None = None) -> dict[str, Any]:
    """Play one round in `folder`, with the ledger there or in `storage`; return what was found, with `ok`."""
    rng = random.Random(seed)
    script = folder / "train.py"
    script.write_text(OBJECTIVE)
    home = Home(folder / "runs", storage)
    environment = {**os.environ, "AUTOML_STORAGE": storage or ""}
    options = ["--home", str(home.path), "-q"]
    search = automl(
        "search", f"{script}:objective", "--name", "s", "-p", "x=0.0..1.0", "--metric", "loss",
        "--trials", str(TRIALS), "--max-epochs", "9", *options,
    )  # fmt: skip
    delay = rng.uniform(0.0, 6.0)
    cut = _kill_after(search, home, delay, environment)
    before = _finished(home)
    resumed = subprocess.run(
        automl("resume", "s", *options), capture_output=True, text=True, check=False, env=environment
    )
    after = _finished(home)
    doctor = subprocess.run(
        automl("doctor", "s", "--home", str(home.path), "-f", "json"),
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    audit = json.loads(doctor.stdout or '{"ok": false}')
    with home.read("s") as reader:
        numbers = [record.number for record in reader.records()]
        attempts = len(reader.attempts())
    ended = {int(line.split()[0]) for line in (folder / "history").read_text().splitlines() if line.endswith("end")}
    found = {
        "seed": seed,
        "delay": round(delay, 2),
        "killed": cut,
        "before": len(before),
        "attempts": attempts,
        "lost": sorted(number for number in before if after.get(number) != before[number]),
        "trials": len(after),
        "doubled": len(numbers) - len(set(numbers)),
        "unknown": sorted(n for n, record in after.items() if record.state == "COMPLETE" and n not in ended),
        "exit": resumed.returncode,
        "stderr": resumed.stderr.strip(),
        "doctor": audit["ok"],
        "problems": audit.get("problems", doctor.stderr.strip()),
    }
    found["ok"] = (
        not found["lost"]
        and not found["unknown"]
        and numbers == list(range(TRIALS))
        and len(after) == TRIALS
        and found["exit"] == 0
        and bool(found["doctor"])
    )
    return found


def _kill_after(command: list[str], home: Home, delay: float, environment: dict[str, str]) -> bool:
    """Start `command`, and kill it `delay` seconds after its study is there; return whether it still ran."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    while not (home.path / "s" / "space.yaml").exists() and process.poll() is None:
        time.sleep(0.01)  # another process's file: there is no event to wait for
    try:
        process.wait(delay)
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True


def _finished(home: Home) -> dict[int, TrialRecord]:
    with home.read("s") as reader:
        return {record.number: record for record in reader.records() if record.state.is_finished}


def main() -> int:
    """Play rounds, print a JSON line for each, and fail if one was not ok."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    bad = 0
    for seed in range(chosen.seed, chosen.seed + chosen.rounds):
        # What the killed driver left behind may live for ten seconds, and write where files are being removed.
        with tempfile.TemporaryDirectory(prefix="automl-kill-", ignore_cleanup_errors=True) as folder:
            found = play(Path(folder), seed)
        print(json.dumps(found), flush=True)
        bad += not found["ok"]
    print(f"{chosen.rounds} rounds, {bad} not ok", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
