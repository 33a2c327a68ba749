"""A node of a Ray cluster dies while trials run on it: they go on elsewhere, from their checkpoints.

Two raylets on this machine stand for two hosts that share a disk; one is killed, as a cut cable would do it.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from automl.home import Home
from automl.trial import Reason, TrialState
from tests.commands import automl

TITLE = "A Ray node dies"
TRIALS = 6
STEPS = 8
OBJECTIVE = """
import time
from pathlib import Path

import ray

HERE = Path(__file__).parent

def objective(trial):
    node = ray.get_runtime_context().get_node_id()
    start = trial.restored.step + 1 if trial.restored else 1
    for step in range(start, trial.max_epochs + 1):
        with trial.checkpoint(step) as folder:
            (folder / "step").write_text(str(step))
        trial.report(step, loss=trial.params["x"] + 1 / step)
        with open(HERE / "history", "a") as file:
            file.write(f"{trial.number} {step} {node}\\n")
        time.sleep(0.4)
    return {"loss": trial.params["x"]}
"""


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Yield searches that lose one of two nodes."""
    for each in range(seed, seed + (1 if short else 3)):
        yield _play(each)


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return the lines of the page."""
    moved, lost = sum(row["moved"] for row in rows), sum(row["lost"] for row in rows)
    claim = "Trials of a node that dies go on elsewhere from their last checkpoint; none is lost"
    return [(claim, f"{len(rows)} nodes killed, {moved} trials moved, {lost} lost", lost == 0 and moved > 0)]


def _play(seed: int) -> dict[str, Any]:
    from ray.cluster_utils import Cluster

    from automl.executors import ray_private

    ray_private.secure_token()
    with tempfile.TemporaryDirectory(prefix="automl-node-") as folder:
        script, history = Path(folder) / "train.py", Path(folder) / "history"
        script.write_text(OBJECTIVE)
        home = Home(Path(folder) / "runs")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        try:
            doomed = cluster.add_node(num_cpus=1)
            command = automl(
                "search", f"{script}:objective", "--name", "s", "-p", "x=0.0..1.0", "--metric", "loss",
                "--tracker", "none", "--trials", str(TRIALS), "--max-epochs", str(STEPS), "--early-stopping", "none",
                "--seed", str(seed), "--ray-address", cluster.address, "--home", str(home.path), "-q", "-f", "json",
            )  # fmt: skip
            search = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while search.poll() is None and doomed.node_id not in _nodes(history):
                time.sleep(0.05)  # another process's file: there is no event to wait for
            cluster.remove_node(doomed, allow_graceful=False)
            output, errors = search.communicate()
        finally:
            cluster.shutdown()
        with home.read("s") as reader:
            records = reader.records()
            reasons = [row.reason for row in reader.attempts() if row.reason is not None]
            resumed = sum(row.start_step > 0 for row in reader.attempts())
        lost = TRIALS - sum(record.state is TrialState.COMPLETE and record.step == STEPS for record in records)
    found = {"seed": seed, "ok": search.returncode == 0 and not lost and Reason.NODE_LOST in reasons}
    found |= {"lost": lost, "moved": len(reasons), "reasons": reasons, "resumed": resumed, "exit": search.returncode}
    return found if search.returncode == 0 else found | {"said": errors or json.loads(output)}


def _nodes(history: Path) -> set[str]:
    return {line.split()[-1] for line in history.read_text().splitlines()} if history.exists() else set()
