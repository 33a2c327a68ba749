"""Errors: what they suggest, and how long they may take to."""

from __future__ import annotations

import time

import pytest

from search_spaces import Categorical, Float, SearchSpace, SearchSpaceError, parse_range
from search_spaces.errors import did_you_mean


@pytest.mark.parametrize(
    ("seen", "known", "suggested"),
    [
        ("widht", ["width", "depth"], "width"),
        ("ARCH", ["Arch", "lr"], "Arch"),
        ("encoder.layr7.widht", [f"encoder.layer{i}.width" for i in range(300)], "encoder.layer7.width"),
    ],
)
def test_the_nearest_known_word_is_suggested(seen, known, suggested):
    """Whatever its case, and among hundreds that are alike."""
    assert did_you_mean(seen, known) == f"; did you mean {suggested!r}?"


@pytest.mark.parametrize("seen", ["quantum", pytest.param(10**5000, id="huge"), None, [5], ""])
def test_nothing_is_suggested_for_what_is_like_nothing(seen):
    """Neither for numbers that Python does not print."""
    assert did_you_mean(seen, ["lr", "width"]) == ""


def test_numbers_of_thousands_of_digits_are_refused():
    """Where a choice is expected, too."""
    assert "thousands of digits" in str(Categorical(["a", "b"]).validate(10**5000))
    with pytest.raises(SearchSpaceError, match="thousands of digits"):
        Float(0, 1, prior=0.5, confidence=10**5000)


def test_a_thousand_unknown_names_are_told_in_time():
    """A forgotten prefix in a large space is an error of a thousand problems, within seconds."""
    space = SearchSpace({f"layer_{i}_width": Float(0, 1) for i in range(1000)})

    start = time.perf_counter()
    with pytest.raises(SearchSpaceError) as caught:
        space.validate({f"encoder.{name}": 0.5 for name in space})

    assert len(caught.value.problems) == 2000
    assert time.perf_counter() - start < 6


def test_tens_of_thousands_of_choices_are_read_in_time():
    """The time to read a line, and to check a condition on it, grows with its length alone."""
    names = [f"x{i}" for i in range(40_000)]

    start = time.perf_counter()
    distribution, _ = parse_range("|".join(names))
    space = SearchSpace({"c": distribution, "d": "1..2"}, when={"d": {"c": names[::2]}})

    assert space["c"] == Categorical(names)
    assert space.size() == 60_000
    assert time.perf_counter() - start < 6
