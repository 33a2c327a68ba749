"""What rounds share that break the way to MLflow: a search whose tracker is a real server behind a fault proxy."""

from __future__ import annotations

import contextlib
import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.faults.mlflow_server import shared
from tests.faults.proxy import Proxy
from tests.stress.scene import STUDY, Scene


@contextlib.contextmanager
def behind_a_proxy(**about: Any) -> Iterator[tuple[Scene, Proxy]]:
    """Yield a scene that delivers to MLflow's server by way of a proxy; its tables are those behind the server."""
    server = shared()
    with Proxy(server.address) as proxy:
        options = [*about.pop("options", ()), "--tracking-uri", proxy.url]
        with Scene.made(executor="local", options=options, **about) as scene:
            store = scene.home.path / "mlflow.db"
            store.unlink()
            store.symlink_to(server.store)
            yield scene, proxy


def affected(scene: Scene) -> list[int]:
    """Return the trials that are not COMPLETE after one attempt with all of its steps."""
    with scene.home.read(STUDY) as reader:
        attempts = defaultdict(int)
        for row in reader.attempts():
            attempts[row.trial] += 1
        return [
            number
            for number, record in scene.records().items()
            if (str(record.state), attempts[number], record.reached) != ("COMPLETE", 1, scene.epochs)
        ]


def step_seconds(scene: Scene) -> float:
    """Return the median of the times between one report of a trial and its next."""
    times: dict[int, list[float]] = defaultdict(list)
    with scene.home.read(STUDY) as reader:
        for row in reader.metrics():
            if row.name == "loss" and row.step <= scene.epochs:
                times[row.trial].append(row.time)
    return statistics.median(after - before for of in times.values() for before, after in itertools.pairwise(of))
