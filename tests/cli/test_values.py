"""What is typed after an option becomes a number, or a line that says how to type it."""

from __future__ import annotations

import pytest

from automl.cli.values import Problems, duration, number, trial_count, whole
from automl.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5400),
        ("1h", 3600),
        ("1H 30M 5s", 5405),
        ("0.5h", 1800),
        ("1.5", 1.5),
    ],
)
def test_duration(text: str, seconds: float) -> None:
    """Seconds, minutes and hours, alone or together, largest first."""
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "5x", "m", "30m1h", "1h30", "-5", "1:30", "nan", "1e3"])
def test_no_duration(text: str) -> None:
    """What is none is told the accepted forms."""
    with pytest.raises(ValueError, match="90, 90s, 15m or 1h30m"):
        duration(text)


def test_trial_count() -> None:
    """A number is the total, +N adds to what was asked for before."""
    assert trial_count("40", asked=20) == 40
    assert trial_count("+20", asked=20) == 40
    for text in ("+x", "many", "+0", "0", "-5", "1_000"):
        with pytest.raises(ValueError, match=r"trial|whole number"):
            trial_count(text, asked=20)


def test_all_problems_are_kept() -> None:
    """Everything wrong is raised at once, each with its option and what was typed."""
    problems = Problems()

    assert problems.read("--seed", "7", whole) == 7
    assert problems.read("--seed", None, whole) is None
    assert problems.read("--trials", "abc", whole) is None
    assert problems.read("--cpus", "much", number) is None
    with pytest.raises(ConfigError) as caught:
        problems.check()

    assert caught.value.problems == (
        "--trials must be a whole number, got 'abc'",
        "--cpus must be a number, got 'much'",
    )
