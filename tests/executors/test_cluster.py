"""A cluster that somebody else started, of several nodes: `--ray-address`."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

OBJECTIVE = """
import time
from pathlib import Path

import ray

HERE = Path(__file__).parent

def objective(trial):
    node = HERE / f"{ray.get_runtime_context().get_node_id()}.node"
    node.touch()
    while len(list(HERE.glob("*.node"))) < 2:  # the first trial waits for one on the other node
        time.sleep(0.01)
    return trial.params["x"]
"""


@pytest.fixture
def address() -> Iterator[str]:
    """Start two nodes with one CPU each, guarded by Ray's token; Ray does not connect to a cluster on loopback."""
    from ray.cluster_utils import Cluster

    from automl.executors import ray_private

    ray_private.secure_token()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()


def automl(*options: str) -> subprocess.CompletedProcess[str]:
    """Search for the params of `train.py`, as a user would."""
    command = [str(Path(sys.executable).with_name("automl")), "search", "train.py:objective", "-p", "x=0.0..1.0"]
    always = ["--direction", "minimize", "--tracker", "none", "-q", "-f", "json"]
    return subprocess.run([*command, *always, *options], capture_output=True, text=True, timeout=120)


def test_trials_run_on_every_node_and_the_cluster_stays(address: str, tmp_path: Path) -> None:
    """Two trials at once, one a node, or the first would wait for ever; a second search finds the same cluster."""
    (tmp_path / "train.py").write_text(OBJECTIVE)

    runs = [automl("--trials", "6", "--ray-address", address) for _ in range(2)]

    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr + runs[1].stderr
    assert [json.loads(run.stdout)["counts"]["COMPLETE"] for run in runs] == [6, 6]


def test_an_address_that_nobody_answers_at_is_refused_at_once(tmp_path: Path) -> None:
    """Exit 4 and one line that says how to start a cluster; nothing is created."""
    (tmp_path / "train.py").write_text(OBJECTIVE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    ran = automl("--ray-address", f"127.0.0.1:{port}")

    assert ran.returncode == 4
    assert f"no Ray cluster answers at 127.0.0.1:{port}" in ran.stderr
    assert "ray start --head" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]
