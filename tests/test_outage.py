"""MLflow's server away in every way that a proxy knows: what the ledger has is delivered, once."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from automl import driver, mirrors
from automl.delivery import Delivery
from automl.doctor import audit
from automl.home import Home
from automl.mirrors import Mirror
from automl.trial import Trial
from tests.faults.mlflow_server import MlflowServer, shared
from tests.faults.proxy import Answer, Fault, Proxy, Request
from trackers import MlflowTracker, TrackerError


def objective(trial: Trial) -> float:
    """Report, keep a file, and be of every ending."""
    if trial.number == 1:
        raise ValueError("one of them fails")
    for step in range(1, 4):
        trial.report(step, value=trial.params["x"] / step, other=float("nan") if step == 2 else float(step))
    (trial.folder / "note").write_text("kept")
    trial.artifact(trial.folder / "note", "deep/note.txt")
    return float(trial.params["x"])


@pytest.fixture(scope="module")
def server() -> MlflowServer:
    return shared()


@pytest.fixture
def proxy(server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")  # seconds, before a server that hangs is given up
    with Proxy(server.address, delay=0.02) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of a finished study that nobody has delivered."""
    folder = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "beside", lambda home, name, trackers, **more: contextlib.nullcontext(tuple))
        options = {
            "metric": "value",
            "direction": "minimize",
            "n_trials": 3,
            "executor": "local",
            "early_stopping": "none",
        }
        uri = "http://127.0.0.1:9"
        driver.search(objective, {"x": "0.0..1.0"}, name="s", home=folder, tracking_uri=uri, listeners=(), **options)
    return folder


@pytest.fixture
def mirror(searched: Path, tmp_path: Path, proxy: Proxy) -> Mirror:
    """Return the copy, beyond the proxy, of a study like `searched` that MLflow does not know yet."""
    home = Home(Path(shutil.copytree(searched, tmp_path / "home")))
    with contextlib.closing(sqlite3.connect(home.study("s") / "ledger.db")) as ledger, ledger:
        change = "UPDATE studies SET uid = ?, config = json_set(config, '$.tracking_uri', ?, '$.target', ?)"
        ledger.execute(change, (uuid.uuid4().hex, proxy.url, uuid.uuid4().hex))  # an experiment of its own
    with home.read("s") as reader:
        (mirror,) = mirrors.of(home, reader.study())
    return mirror


def deliver(mirror: Mirror, *, rebuild: bool = False, tries: int = 400) -> int:
    """Deliver until all is there; return how many tries failed."""
    with contextlib.closing(Delivery(mirror, rebuild=rebuild)) as delivery:
        for failed in range(tries):
            try:
                delivery.catch_up()
                assert (delivery.waiting, delivery.refused) == (0, [])
                return failed
            except TrackerError as error:
                if not error.retryable:
                    raise
    raise AssertionError(f"not delivered in {tries} tries")


def assert_mirrored(mirror: Mirror, server: MlflowServer) -> None:
    """Compare the ledger with what is beyond the proxy, and count the rows of its tables."""
    assert audit(mirror.home, "s").problems == ()
    assert audit(mirror.home, "s").notes == ()
    with contextlib.closing(sqlite3.connect(server.store)) as store, mirror.home.read("s") as reader:
        tagged = "(SELECT run_uuid FROM tags WHERE key = 'automl.uid' AND value LIKE ?)"
        of_study = [f"{mirror.study.uid}%"]
        active = f"SELECT count(*) FROM runs WHERE lifecycle_stage = 'active' AND run_uuid IN {tagged}"
        assert store.execute(active, of_study).fetchone() == (4,)
        points = f"FROM metrics WHERE run_uuid IN {tagged} AND key NOT LIKE 'best/%'"
        keys = f"SELECT count(*), count(DISTINCT run_uuid || key || step) {points}"
        assert store.execute(keys, of_study).fetchone() == (len(reader.metrics()),) * 2


FAULTS: list[Fault] = ["close", "hang", "cut", "lose", Answer(500), Answer(429, b""), Answer()]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(getattr(fault, "status", fault)))
def test_an_outage_at_any_time(mirror: Mirror, proxy: Proxy, server: MlflowServer, fault: Fault) -> None:
    """At the first request, in the middle, close to the end: three tries are lost, and nothing else."""
    struck = {1, 12, 27}
    proxy.rule = lambda request: fault if request.number in struck else None

    failed = deliver(mirror)

    assert 1 <= failed <= 3
    assert len(proxy.seen) > 27
    assert_mirrored(mirror, server)


def test_every_answer_is_lost_once(mirror: Mirror, proxy: Proxy, server: MlflowServer) -> None:
    """Whatever was asked has been done, and is asked again: nothing is there twice."""
    known: set[tuple[str, str]] = set()

    def rule(request: Request) -> Fault | None:
        said = (request.path, "" if "/artifacts/" in request.path else request.body.hex())
        is_new = said not in known
        known.add(said)
        return "lose" if is_new and request.method != "GET" else None

    proxy.rule = rule

    failed = deliver(mirror)

    assert failed > 20
    assert_mirrored(mirror, server)


def test_a_server_that_answers_late(mirror: Mirror, proxy: Proxy, server: MlflowServer) -> None:
    """It takes its time, and gets everything."""
    proxy.state = "slow"

    assert deliver(mirror) == 0

    assert_mirrored(mirror, server)


def test_a_run_that_was_made_too_late(mirror: Mirror, proxy: Proxy, server: MlflowServer) -> None:
    """A server that makes a run after it was given up, and another was made: one of the two is deleted in the end."""
    late: list[Request] = []

    def rule(request: Request) -> Fault | None:
        if request.path.endswith("runs/create") and not late:
            late.append(request)
            return "close"
        if late and request.path.endswith("runs/create") and len(late) == 1:
            late.append(request)
            proxy._ask(late[0])  # what was asked first is done only now
        return None

    proxy.rule = rule

    deliver(mirror)

    assert len(late) == 2
    assert_mirrored(mirror, server)


class TestWhatIsDeleted:
    """What somebody deletes in MLflow comes back."""

    def test_experiment_in_the_bin(self, mirror: Mirror, server: MlflowServer) -> None:
        """It is taken out of it by the next write."""
        deliver(mirror)
        client = MlflowClient(server.address)
        experiment = client.get_experiment_by_name(mirrors.experiment(mirror.study))
        client.delete_experiment(experiment.experiment_id)

        deliver(mirror, rebuild=True)

        assert_mirrored(mirror, server)

    @pytest.mark.parametrize("what", ["one run", "the study's own run", "everything"])
    def test_gone_for_good(self, mirror: Mirror, server: MlflowServer, what: str) -> None:
        """A trial's run is missed by a rebuild; with the study's own all that lay under it is delivered anew."""
        deliver(mirror)
        ids = mirror.position().runs
        ends = {"one run": "/0", "the study's own run": mirror.study.uid, "everything": ""}
        with contextlib.closing(sqlite3.connect(server.store)) as store, store:
            for run_id in [run_id for uid, run_id in ids.items() if uid.endswith(ends[what])]:
                for table in ("metrics", "latest_metrics", "params", "tags", "runs"):
                    store.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (run_id,))
        position = mirror.position()
        position.closed = -1  # something is left to write to the study's own run
        mirror.keep(position)

        deliver(mirror, rebuild=what == "one run")

        assert_mirrored(mirror, server)


class TestWhatIsRefused:
    """What MLflow will not take, now or ever, holds up nothing else."""

    def test_a_row_that_is_refused_for_good(self, mirror: Mirror, proxy: Proxy, server: MlflowServer) -> None:
        """It is put aside with the reason, everything else is there, and it is offered again by the next delivery."""
        answer = {"error_code": "INVALID_PARAMETER_VALUE", "message": "no such number"}
        refusal = Answer(400, json.dumps(answer).encode(), {"Content-Type": "application/json"})

        def rule(request: Request) -> Fault | None:
            is_poison = (
                request.path.endswith("log-batch") and b'"other"' in request.body and b'"step": 3' in request.body
            )
            return refusal if is_poison else Answer(413) if "note.txt" in request.path else None

        proxy.rule = rule
        with contextlib.closing(Delivery(mirror)) as delivery:
            delivery.catch_up()
            refused = delivery.refused
        found = audit(mirror.home, "s")
        proxy.rule = lambda request: None

        deliver(mirror)

        assert sorted(line.partition(":")[0] for line in refused) == ["study", "trial 0", "trial 2"]
        assert any("trial 2: other at step 3: MLflow" in line for line in refused)
        assert [problem.code for problem in found.problems] == ["points-missing", "points-missing"]
        assert any("MLflow refuses for good, trial 0: other at step 3" in note for note in found.notes)
        assert_mirrored(mirror, server)

    def test_one_that_refuses_everything_is_away(self, mirror: Mirror, proxy: Proxy) -> None:
        """A password that is not valid any more is about nothing in particular: all of it waits."""
        proxy.rule = lambda request: Answer(401, b"") if request.number > 9 else None

        with contextlib.closing(Delivery(mirror)) as delivery:
            for _ in range(8):
                with pytest.raises(TrackerError):
                    delivery.catch_up()
            waiting, refused = delivery.waiting, delivery.refused

        assert waiting > 0
        assert refused == []


def test_credentials_follow_no_redirect(proxy: Proxy, server: MlflowServer) -> None:
    """A server that sends elsewhere does not make us tell our password there."""
    with Proxy(server.address) as other:
        proxy.state = Answer(307, b"", {"Location": f"{other.url}/api/2.0/mlflow/experiments/get-by-name"})
        with contextlib.suppress(TrackerError):
            MlflowTracker(proxy.url.replace("//", "//ada:secret@"), experiment="e").find_run("u")

    assert any("authorization" in request.headers for request in proxy.seen)
    assert len(other.seen) > 0
    assert not any("authorization" in request.headers for request in other.seen)


def test_a_tracker_is_said_to_be_away_once(mirror: Mirror, proxy: Proxy, server: MlflowServer) -> None:
    """From what delivery writes down, without asking anybody: once that it is away, once that it is back."""
    look: Callable[[], list[mirrors.Event]] = mirrors.Watch(mirror.home.study("s"), ["mlflow"]).look
    proxy.state = "refuse"
    events = [look()]
    with contextlib.closing(Delivery(mirror)) as delivery:
        for _ in range(2):
            with pytest.raises(TrackerError):
                delivery.step()
            events.append(look())
        proxy.state = "pass"
        for _ in range(2):
            delivery.step()
            events.append(look())

    assert [[event["event"] for event in each] for each in events] == [[], ["tracker-away"], [], ["tracker-back"], []]
    assert events[1][0]["message"] == f"MLflow at {proxy.url}: Connection refused"
