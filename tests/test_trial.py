"""The handle that an objective gets, and how what it returns is judged."""

from __future__ import annotations

import decimal
import math
from pathlib import Path

import pytest

from automl.trial import BadValueError, Reason, Report, Trial, TrialState, as_number, newest_checkpoint, outcome


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(number=0, params={"x": 1}, folder=tmp_path)


def save(trial: Trial, step: int, text: str = "x") -> None:
    with trial.checkpoint(step) as folder:
        (folder / "state").write_text(text)


def test_reports_are_sent_with_the_newest_checkpoint(tmp_path: Path) -> None:
    """A report tells which checkpoint the trial could go on from."""
    sent: list[Report] = []
    trial = Trial(number=0, params={}, folder=tmp_path, send=sent.append, clock=lambda: 7.0)

    trial.report(1, loss=0.5)
    save(trial, 2)
    trial.report(2, loss=0.25, acc=1)

    assert sent == [
        Report(step=1, values={"loss": 0.5}, time=7.0, checkpoint=None),
        Report(step=2, values={"loss": 0.25, "acc": 1.0}, time=7.0, checkpoint=2),
    ]


@pytest.mark.parametrize("step", [0, -1, 1.0, True, "2"])
def test_steps_are_whole_and_grow(trial: Trial, step: int) -> None:
    """A step that is no whole number above the last is refused with what was seen."""
    with pytest.raises(BadValueError, match="step must be a whole number above 0"):
        trial.report(step, loss=1.0)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 251, "\ud800"])
def test_metric_names_are_printable_and_short(trial: Trial, name: str) -> None:
    """What no database would take is refused where it is said."""
    with pytest.raises(BadValueError, match="metric's name"):
        trial.report(1, **{name: 1.0})


def test_a_step_that_no_database_holds_is_refused(trial: Trial) -> None:
    """Steps end at 2^63 - 1."""
    with pytest.raises(BadValueError, match="whole number"):
        trial.report(2**63, loss=1.0)


def test_checkpoints_nobody_heard_of_are_removed(trial: Trial, tmp_path: Path) -> None:
    """A trial that begins again must not keep a later checkpoint in place of its new ones."""
    for step in (99, 100):
        save(trial, step)

    again = Trial(number=0, params={}, folder=tmp_path, restore_step=0)
    save(again, 1)
    save(again, 2)

    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["1", "2"]


def test_a_restored_trial_knows_its_last_values(trial: Trial, tmp_path: Path) -> None:
    """Cut after its last step, it has nothing to do, and the last report is its result."""
    save(trial, 3)

    again = Trial(number=0, params={}, folder=tmp_path, restore_step=3, last_values={"loss": 0.5})

    assert outcome(None, metrics=["loss"], last=again.last_values)[0] == {"loss": 0.5}


def test_a_step_is_reported_once(trial: Trial) -> None:
    """The same step again is an error of the objective, not a silent loss."""
    trial.report(3, loss=1.0)

    with pytest.raises(BadValueError, match="above 3"):
        trial.report(3, loss=2.0)


@pytest.mark.parametrize("value", ["1.5", None, [1.0], 1j, b"1", {}])
def test_what_is_no_number_is_refused(value: object) -> None:
    """Text that looks like a number is not one."""
    with pytest.raises(BadValueError, match="must be a number, got"):
        as_number(value, "metric 'loss'")


def test_what_is_a_number() -> None:
    """Anything with exactly one numeric value counts."""
    numpy = pytest.importorskip("numpy")
    torch = pytest.importorskip("torch")

    values = [1, True, decimal.Decimal(1), numpy.float32(1), numpy.array(1), torch.tensor(1.0), torch.ones(1)]

    assert [as_number(value, "x") for value in values] == [1.0] * len(values)


def test_checkpoints_keep_the_newest_two(trial: Trial, tmp_path: Path) -> None:
    """Older checkpoints go; the newest that is not beyond what was heard of is used."""
    for step in (1, 2, 3):
        save(trial, step)

    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["2", "3"]
    assert newest_checkpoint(tmp_path, 3) == (3, tmp_path / "checkpoints" / "3")
    assert newest_checkpoint(tmp_path, 2) == (2, tmp_path / "checkpoints" / "2")
    assert newest_checkpoint(tmp_path, 1) is None


def test_a_damaged_checkpoint_falls_back(trial: Trial, tmp_path: Path) -> None:
    """A checkpoint that is not whole is passed over for the one before."""
    save(trial, 1)
    save(trial, 2)
    (tmp_path / "checkpoints" / "2" / "state").write_text("damaged")

    again = Trial(number=0, params={}, folder=tmp_path, restore_step=2)

    assert again.restored is not None
    assert again.restored.step == 1
    again.report(2, loss=1.0)


def test_artifacts_are_copied_under_their_name(trial: Trial, tmp_path: Path) -> None:
    """A copy is kept, and names cannot leave the trial's folder."""
    file = tmp_path / "a.txt"
    file.write_text("hello")

    trial.artifact(file, "plots/a.txt")

    assert (tmp_path / "artifacts" / "plots" / "a.txt").read_text() == "hello"
    with pytest.raises(ValueError, match="artifact name"):
        trial.artifact(file, "../a.txt")


@pytest.mark.parametrize(
    ("returned", "last", "values", "reason"),
    [
        (0.5, {}, {"value": 0.5}, Reason.MISSING_METRIC),
        (0.5, {"loss": 0.7}, {"loss": 0.5}, None),
        ({"loss": 1, "acc": 2}, {}, {"loss": 1.0, "acc": 2.0}, None),
        (None, {"loss": 0.7}, {"loss": 0.7}, None),
        (None, {"acc": 0.7}, {}, Reason.MISSING_METRIC),
        ({"loss": math.nan}, {}, None, Reason.NAN),
        ({"loss": -math.inf}, {}, None, Reason.INFINITE),
    ],
)
def test_outcomes(
    returned: object, last: dict[str, float], values: dict[str, float] | None, reason: Reason | None
) -> None:
    """What is returned for the metric `loss` is its value, or says why there is none."""
    found, why, message = outcome(returned, metrics=["loss"], last=last)

    assert why is reason
    assert bool(message) == (reason is not None)
    assert values is None or found == values


@pytest.mark.parametrize(
    ("returned", "last", "words"),
    [
        ({"loss": 1.0, "size": 2.0}, {}, ""),
        (None, {"loss": 1.0, "size": 2.0}, ""),
        ({"loss": 1.0}, {}, "metric 'size' was never reported nor returned; seen: loss"),
        ({"loss": 1.0}, {"size": 2.0}, "metric 'size' was reported, but is not in what was returned; seen: loss, size"),
        (1.0, {"loss": 1.0}, "metric 'size' was never reported nor returned"),
        ({"loss": 1.0, "size": math.nan}, {}, "size is NaN"),
    ],
)
def test_every_metric_that_counts_has_to_be_there(returned: object, last: dict[str, float], words: str) -> None:
    """A trial that lacks an objective, or what a constraint is about, has failed."""
    _, reason, message = outcome(returned, metrics=["loss", "size"], last=last)

    assert message.startswith(words)
    assert (reason is None) == (not words)


def test_a_missing_metric_says_what_was_seen() -> None:
    """The message names what came instead."""
    _, _, message = outcome({"acc": 1.0}, metrics=["loss"], last={"f1": 0.5})

    assert "'loss'" in message
    assert "acc, f1" in message


def test_paused_trials_are_running_and_unfinished() -> None:
    """Only three states are final."""
    assert [state for state in TrialState if state.is_finished] == ["COMPLETE", "PRUNED", "FAIL"]
