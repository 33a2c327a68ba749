"""The Ray executor: the contract on a real cluster, its resources, its worker, and the private parts of Ray it uses."""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import automl
from automl.config import StudyConfig
from automl.errors import ConfigError, SearchAbortedError, TrialPaused, TrialPruned
from automl.executors import ray_private
from automl.executors.ray_tune import capacity, lost
from automl.executors.ray_worker import Channel
from automl.interrupts import Interrupted
from automl.stopping import Verdict
from automl.testing import ExecutorContract
from automl.trial import AttemptState, Reason, Report, Trial
from search_spaces import SearchSpace


@pytest.mark.usefixtures("ray_cluster")
class TestRayExecutor(ExecutorContract):
    """Trials run in worker processes."""

    executor = "ray"

    def test_a_worker_that_always_dies_fails_its_trial_only(self, run: Any) -> None:
        """A trial that kills its worker twice is FAIL worker-lost after two attempts; the rest is untouched."""

        def objective(trial: Trial) -> dict[str, float]:
            if trial.number == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return {"loss": 1.0}

        result = run(objective, n_trials=3)

        assert [t.state.value for t in result.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
        assert result.trials[1].reason is Reason.WORKER_LOST
        assert result.trials[1].attempt == 2

    def test_processes_that_end_or_stop_themselves(self, run: Any, tmp_path: Path) -> None:
        """Exit, fault and stop each have their reason after one attempt, a trace in the log, and leave no process."""

        def objective(trial: Trial) -> dict[str, float]:
            trial.report(1, loss=1.0)
            if trial.number == 1:
                os._exit(3)
            if trial.number == 2:
                ctypes.string_at(0)
            if trial.number == 3:
                os.kill(os.getpid(), signal.SIGSTOP)
                threading.Event().wait()  # the main thread takes the signal; this one may run a little longer
            return {"loss": 1.0}

        result = run(objective, n_trials=5, stall_timeout=2.0)

        reasons = [t.reason for t in result.trials]
        assert reasons == [None, Reason.EXIT, Reason.SIGNAL, Reason.STALLED, None]
        assert [t.attempt for t in result.trials] == [1] * 5
        assert "os._exit(3)" in (result.trials[1].message or "")
        assert "SIGSEGV" in (result.trials[2].message or "")
        assert "Segmentation fault" in (tmp_path / "s" / "trials" / "2" / "log").read_text()

    def test_what_a_trial_prints_is_in_its_log(
        self, run: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Prints, a child's output and a traceback land in the trial's log, and nothing on the user's terminal."""

        def objective(trial: Trial) -> float:
            print("from python", trial.number)
            os.system("echo from a child")
            raise RuntimeError("boom")

        with pytest.raises(SearchAbortedError):
            run(objective, n_trials=3, parallel=1)

        log = (tmp_path / "s" / "trials" / "2" / "log").read_text()
        for words in ("attempt 1", "from python 2", "from a child", "RuntimeError: boom"):
            assert words in log
        shown = capfd.readouterr()
        assert shown.out + shown.err == ""

    def test_processes_are_reused_until_a_trial_fails(self, run: Any) -> None:
        """One process serves trial after trial; after a failure the next trial gets a fresh one."""

        def objective(trial: Trial) -> dict[str, float]:
            if trial.number == 2:
                raise RuntimeError("leaves a mess")
            return {"loss": 1.0, "pid": float(os.getpid())}

        result = run(objective, n_trials=6, parallel=1)

        pids = [t.values.get("pid") for t in result.trials]
        assert pids[0] == pids[1]
        assert pids[3] == pids[4] == pids[5]
        assert pids[1] != pids[3]

    def test_isolated_trials_share_no_process(self, run: Any) -> None:
        """With `isolate` each trial has a process to itself."""

        def objective(trial: Trial) -> dict[str, float]:
            return {"loss": 1.0, "pid": float(os.getpid())}

        result = run(objective, n_trials=3, parallel=1, isolate=True)

        assert len({t.values["pid"] for t in result.trials}) == 3

    def test_trials_run_at_once(self, run: Any, tmp_path: Path) -> None:
        """Two trials that wait for each other both get through."""
        folder = str(tmp_path)

        def objective(trial: Trial) -> float:
            import time

            mine, other = (Path(folder) / f"{n}" for n in (trial.number, 1 - trial.number))
            mine.touch()
            deadline = time.monotonic() + 60
            while not other.exists() and time.monotonic() < deadline:
                threading.Event().wait(0.01)
            trial.report(1, loss=float(other.exists()))
            return float(other.exists())

        result = run(objective, n_trials=2, parallel=2, cpus=0.5)

        assert [t.value for t in result.trials] == [1.0, 1.0]


def nodes(*resources: dict[str, float]) -> list[dict[str, Any]]:
    return [{"Alive": True, "Resources": each} for each in resources]


def config(**options: Any) -> StudyConfig:
    space = SearchSpace({"x": "0..1"})
    return StudyConfig(target="t", space=space, metrics=("value",), directions=("minimize",), **options)


@pytest.mark.parametrize(
    ("options", "found", "parallel", "cpus", "gpus"),
    [
        ({}, [{"CPU": 8.0}], 8, 1, 0),
        ({}, [{"CPU": 8.0, "GPU": 2.0}], 2, 1, 1),
        ({}, [{"CPU": 2.0, "GPU": 4.0}], 4, 0.5, 1),
        ({"parallel": 4}, [{"CPU": 2.0}], 4, 0.5, 0),
        ({"parallel": 4}, [{"CPU": 8.0, "GPU": 2.0}], 4, 1, 0.5),
        ({"gpus": 0.25}, [{"CPU": 8.0, "GPU": 1.0}], 4, 1, 0.25),
        ({"cpus": 2}, [{"CPU": 4.0}, {"CPU": 4.0}], 4, 2, 0),
        ({"gpus": 0}, [{"CPU": 4.0, "GPU": 1.0}], 4, 1, 0),
    ],
)
def test_shares(
    options: dict[str, Any], found: list[dict[str, float]], parallel: int, cpus: float, gpus: float
) -> None:
    """Every GPU one trial, else every core one; what the user gives is kept and the rest follows."""
    place = capacity(config(**options), nodes(*found))

    assert (place.parallel, place.cpus, place.gpus) == (parallel, cpus, gpus)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gpus": 2}, "--gpus 2: that is for one trial, and no node has more than 0"),
        ({"cpus": 16}, "--cpus 16: that is for one trial, and no node has more than 2"),
        ({"parallel": 3, "cpus": 1}, "--parallel 3 needs 3 CPUs and 0 GPUs, found 2 and 0; at most 2 fit"),
        ({"parallel": 9}, "--parallel 9 puts more than 4 trials on each of 2 CPUs; give at most 8, or say with --cpus"),
    ],
)
def test_what_does_not_exist_is_refused(options: dict[str, Any], words: str) -> None:
    """More than there is, is said with both numbers."""
    with pytest.raises(ConfigError, match=words):
        capacity(config(**options), nodes({"CPU": 2.0}))


def test_fake_gpus_are_shared_out(tmp_path: Path) -> None:
    """Fractional trials see one GPU each, the right one, and the GPUs are all used."""
    script = tmp_path / "gpus.py"
    script.write_text(_FAKE_GPUS)

    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )

    seen = json.loads(done.stdout.splitlines()[-1])
    assert sorted(seen["whole"]) == ["0", "1", "2", "3"]
    assert max(seen["half"].count(gpu) for gpu in "0123") <= 2
    assert set(seen["half"]) <= set("0123")
    assert seen["none"] == [""] * 2


_FAKE_GPUS = """
import json, os, sys
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "1"
import ray
ray.init(num_cpus=2, num_gpus=4, include_dashboard=False, log_to_driver=False, logging_level=50)
import automl, threading, time

def objective(trial):
    deadline = time.monotonic() + 60
    folder = sys_path + "/" + trial.params["kind"]
    while len(os.listdir(folder)) < trial.params["at_once"] and time.monotonic() < deadline:
        threading.Event().wait(0.02)
        open(f"{sys_path}/{trial.params['kind']}/{trial.number}", "w").close()
    with open(f"{sys_path}/{trial.params['kind']}-{trial.number}", "w") as file:
        file.write(os.environ.get("CUDA_VISIBLE_DEVICES", "unset"))
    return {"loss": 1.0}

sys_path = sys.argv[1]
seen = {}
for kind, gpus, n in (("whole", 1, 4), ("half", 0.5, 4), ("none", 0, 2)):
    os.mkdir(f"{sys_path}/{kind}")
    space = {"kind": f"={kind}", "at_once": n, "x": "0.0..1.0"}
    result = automl.search(objective, space, n_trials=n, gpus=gpus, cpus=0.25,
        metric="loss", tracker="none", home=f"{sys_path}/home", sampler="random", listeners=())
    seen[kind] = [open(f"{sys_path}/{kind}-{t.number}").read() for t in result.trials]
print(json.dumps(seen))
"""


def test_a_waiting_report_goes_on_when_it_was_seen() -> None:
    """At a decision step the objective waits until the driver has taken the report and asked again."""
    channel = Channel(frozenset({2}))
    passed: list[int] = []

    def objective() -> None:
        for step in (1, 2, 3):
            channel.report(Report(step=step, values={}, time=0.0))
            passed.append(step)

    thread = threading.Thread(target=objective)
    thread.start()
    taken: list[int] = []
    while 2 not in taken:
        taken += [report.step for report in channel.take()[0]]
    assert passed == [1]
    while 3 not in taken:
        taken += [report.step for report in channel.take()[0]]
    thread.join()

    assert taken == [1, 2, 3]
    assert passed == [1, 2, 3]


def test_reports_that_nobody_waits_for_go_together() -> None:
    """The first report is taken at once; the next with those that follow soon, unless one of them is judged."""
    channel = Channel(frozenset({4}))

    def objective() -> None:
        for step in (2, 3, 4):
            channel.report(Report(step=step, values={}, time=0.0))

    channel.report(Report(step=1, values={}, time=0.0))
    first, _ = channel.take()
    thread = threading.Thread(target=objective, daemon=True)
    thread.start()
    then, _ = channel.take()
    channel.take()  # lets the judged one go on
    thread.join()

    assert [report.step for report in first] == [1]
    assert [report.step for report in then] == [2, 3, 4]


@pytest.mark.parametrize(("verdict", "error"), [(Verdict.STOP, TrialPruned), (Verdict.PAUSE, TrialPaused)])
def test_a_verdict_is_raised_where_the_objective_waits(verdict: Verdict, error: type[Exception]) -> None:
    """The report that caused the verdict raises it; nothing overshoots the rung."""
    channel = Channel(None)
    raised: list[BaseException] = []

    def objective() -> None:
        try:
            channel.report(Report(step=1, values={}, time=0.0))
        except TrialPruned as caught:
            raised.append(caught)

    thread = threading.Thread(target=objective)
    thread.start()
    channel.take()
    channel.decide(verdict)
    thread.join()

    assert [type(each) for each in raised] == [error]


def test_lost_workers_are_told_apart() -> None:
    """A dead process, a dead node, no memory and an error of our own have their reasons."""
    from ray.exceptions import ActorDiedError, OutOfMemoryError

    assert lost("").reason is Reason.WORKER_LOST
    assert lost(str(ActorDiedError())).reason is Reason.WORKER_LOST
    assert lost("Socket closed", is_node_gone=True).reason is Reason.NODE_LOST
    assert lost(f"{OutOfMemoryError.__name__}: too much").reason is Reason.OOM
    assert lost("an error raised in its creation task, cannot unpickle").reason is Reason.RAISED
    assert lost("").state is AttemptState.LOST


def test_tune_spreads_no_secrets() -> None:
    """By itself it hands AWS credentials of the driver to workers, and its agent logs them."""
    from ray.tune.execution import class_cache

    before = set(class_cache.ENV_VARS_TO_PROPAGATE)
    with ray_private.unspread_secrets():
        during = set(class_cache.ENV_VARS_TO_PROPAGATE)

    assert {name for name in before if name.startswith("AWS")} == before - during != set()
    assert before == class_cache.ENV_VARS_TO_PROPAGATE


@pytest.mark.usefixtures("ray_cluster")
def test_nothing_begins_while_all_ends(tmp_path: Path) -> None:
    """A trial that waits for a whole node does not get it from those that a signal has just ended."""
    history = tmp_path / "history"

    def objective(trial: Trial) -> float:
        with history.open("a") as file:
            print(trial.number, file=file)
        for step in itertools.count(1):
            time.sleep(0.05)
            trial.report(step, value=1.0)
            if trial.number == 0 and len(history.read_text().split()) == 2:
                raise MemoryError
        return 1.0

    def interrupt(event: Mapping[str, Any]) -> None:
        if event["event"] == "trial-started" and event["attempt"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        automl.search(
            objective,
            {"x": "0.0..1.0"},
            direction="minimize",
            n_trials=2,
            parallel=2,
            early_stopping="none",
            tracker="none",
            home=tmp_path / "home",
            listeners=[interrupt],
        )

    assert sorted(history.read_text().split()) == ["0", "1"]


@pytest.mark.usefixtures("ray_cluster")
def test_a_session_is_closed_to_others() -> None:
    """Logs and sockets of our own cluster lie in a folder that nobody else can enter, whoever joins it."""
    import ray

    folder = Path(ray._private.worker._global_node.get_session_dir_path()).parents[1]

    assert ray.get(ray.remote(lambda: os.getpid()).remote()) != os.getpid()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_ray_may_start_in_another_thread() -> None:
    """There are no handlers to give back: only the main thread may set any."""
    done = threading.Event()

    def start() -> None:
        with ray_private.own_signals():
            pass
        done.set()

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert done.is_set()


def test_the_token_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new token is made for its owner alone; an old one that others can read is closed."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    path = tmp_path / ".ray" / "auth_token"

    ray_private.secure_token()
    token = path.read_text()
    path.chmod(0o644)
    ray_private.secure_token()

    assert len(token) == 64
    assert path.read_text() == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_token_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it should be is said, and which variables put it elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    tmp_path.chmod(0o500)

    with pytest.raises(ConfigError, match=r"\.ray/auth_token, which cannot be written .*: set RAY_AUTH_TOKEN_PATH"):
        ray_private.secure_token()


@pytest.mark.usefixtures("ray_cluster")
def test_the_registry_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside the block a class is looked up once, a new registration counts, and nothing stays behind."""
    from ray.tune import registry

    asked: list[str] = []
    get = registry._Registry.get
    monkeypatch.setattr(registry._Registry, "get", lambda self, *key: asked.append(key[1]) or get(self, *key))
    with ray_private.remembered_registry():
        registry._global_registry.register(registry.TRAINABLE_CLASS, "automl-test", 1)
        first = [registry._global_registry.get(registry.TRAINABLE_CLASS, "automl-test") for _ in range(3)]
        registry._global_registry.register(registry.TRAINABLE_CLASS, "automl-test", 2)
        second = registry._global_registry.get(registry.TRAINABLE_CLASS, "automl-test")

    assert (first, second) == ([1, 1, 1], 2)
    assert asked == ["automl-test"] * 2
    assert "get" not in vars(registry._global_registry)


def test_mlflow_is_not_imported_to_count_callbacks() -> None:
    """A search of a function that needs no mlflow runs without it, and Tune's own counting is put back."""
    import ray.air._internal.usage as usage

    before = usage.tag_callbacks
    with ray_private.uncounted_callbacks():
        counted = usage.tag_callbacks([])

    assert counted is False
    assert usage.tag_callbacks is before


@pytest.mark.usefixtures("ray_cluster")
def test_the_private_parts_of_ray_are_there() -> None:
    """What `ray_private` leans on exists in the version that is installed."""
    import ray
    from ray._private import worker
    from ray.tune.execution.tune_controller import TuneController
    from ray.tune.experiment.trial import Trial as TuneTrial

    assert ray.__version__ == "2.60.0"
    assert callable(worker.print_to_stdstream)
    source = Path(sys.modules[TuneController.__module__].__file__ or "").read_text()
    for name in ("_live_trials", "_stopped_trials", "_failed_trials", "_trials_to_cache", "_trial_metadata"):
        assert f"self.{name}" in source
    assert callable(TuneTrial.get_error)
    assert ray_private.gpus() == ray.cluster_resources().get("GPU", 0.0)
