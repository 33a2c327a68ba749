"""What people write for other libraries means here what it means there, and never two things."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Categorical, Condition, Float, Int, SearchSpaceError, parse_range


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("uniform(0, 1)", Float(0, 1)),
        ("loguniform(1e-5, 1e-1)", Float(1e-5, 1e-1, log=True)),
        ("tune.loguniform(1e-5,1e-1)", Float(1e-5, 1e-1, log=True)),
        ("quniform(0.0, 1.0, 0.25)", Float(0, 1, step=0.25)),
        ("quniform(-1, 1, 0.5)", Float(-1, 1, step=0.5)),
        ("randint(1, 10)", Int(1, 9)),
        ("lograndint(8, 65)", Int(8, 64, log=True)),
        ("qrandint(16, 64, 16)", Int(16, 64, step=16)),
        ("qrandint(1, 10)", Int(1, 9)),
        ("qrandint(1, 10, 1)", Int(1, 9)),
        ("choice(adam, sgd)", Categorical(["adam", "sgd"])),
        ("choice(['adam', \"sgd\"])", Categorical(["adam", "sgd"])),
        ("choice((3, 2.5, True, None))", Categorical([3, 2.5, True, None])),
        ("choice(adam)", Categorical(["adam"])),
        ("choice('a, b', 'f(x)')", Categorical(["a, b", "f(x)"])),
        ("[0.0:0.5]", Float(0, 0.5)),
        ("[1:6]", Int(1, 6)),
        ("[1:6] log", Int(1, 6, log=True)),
        ("{adam, sgd}", Categorical(["adam", "sgd"])),
        ("{1, 6}", Categorical([1, 6])),
        ("[16, 32, 128]", Categorical([16, 32, 128])),
        ("['1', 2]", Categorical(["1", 2])),
        (" uniform( 0.0 , 1.0 ) default 0.5 ", Float(0, 1, default=0.5)),
    ],
)
def test_reads(text, distribution):
    """Each spelling gives its distribution, and what the grammar has after a range may follow."""
    assert parse_range(text) == (distribution, None)


def test_a_condition_may_follow():
    """What stands after `when` is the grammar's own."""
    read = parse_range("choice(3, 5) when arch=cnn|rnn")

    assert read == (Categorical([3, 5]), Condition.of({"arch": ["cnn", "rnn"]}))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("uniform(0)", "uniform takes low, high, got 1 values"),
        ("uniform(a, 1)", "low of uniform must be a number, got 'a'"),
        ("randint(0, 1.5)", "high of randint must be a whole number, got '1.5'"),
        ("randint(3, 3)", "low 3 is above high 2"),
        ("uniform(1, 0)", "low 1.0 is above high 0.0: swap them"),
        ("quniform(0.1, 1, 0.25)", "write 0.25..1.0 step 0.25"),
        ("qrandint(1, 10, 4)", "draws multiples of 4, and 1 or 10 is none: write 4..8 step 4"),
        ("quniform(0, 1, 0)", "step must be above 0"),
        ("qloguniform(1e-4, 1, 1e-4)", "log and step exclude each other: write 1e-5..1e-1 log, or 0.1..0.5 step 0.1"),
        ("normal(0, 1)", "normal has no ends: write low..high prior MEAN"),
        ("loguniformm(0, 1)", "unknown spelling loguniformm(...); did you mean 'loguniform'?"),
        ("sample(0)", "unknown spelling sample(...); known are uniform, "),
        ("uniform(0, 1", "'(' is never closed with ')'"),
        ("choice()", "expected a value"),
        ("choice([64, 64], [256])", "'[64, 64]' needs a name: write a=[64, 64]|b=..."),
        ("choice(a b)", "expected a value, got 'a b'; text with other signs"),
        ("choice(a, a)", "choices 1 and 2 are both a: drop one"),
        ("[1, 6]", "is it a range or two choices? write 1..6 or 1|6"),
        ("[0:1:10]", "which of the three is the step? write 0..10 step 1 or 0..1 step 10"),
        ("[a:b]", "between [ and ] a colon parts two numbers"),
        ('{"a": [64]}', "values with names are a=[64]|b=[128]"),
        ("[]", "expected a value"),
        ("[1:6] sgd", "after low..high comes log, step, default, prior or when, got 'sgd'"),
    ],
)
def test_explains_what_it_cannot_read(text, problem):
    """What has two meanings, or none here, is an error that names the grammar's own spelling."""
    with pytest.raises(SearchSpaceError) as caught:
        parse_range(text)

    (message,) = caught.value.problems
    assert message.startswith(f"cannot read {text!r}: ")
    assert problem in message


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("uniform", (1, 3)),
        ("loguniform", (1e-3, 1)),
        ("randint", (1, 4)),
        ("lograndint", (2, 9)),
        ("quniform", (0.5, 2.0, 0.5)),
        ("qrandint", (2, 6, 2)),
        ("qrandint", (2, 6, 1)),
    ],
)
def test_the_values_are_those_of_ray(name, arguments):
    """Ray's own samples of what it reads in these words are values here, and it draws every one of a few."""
    from ray import tune

    rays = getattr(tune, name)(*arguments)
    ours, _ = parse_range(f"{name}{arguments}")

    drawn = [rays.sample() for _ in range(200)]

    assert all(ours.validate(float(value) if isinstance(ours, Float) else int(value)) is None for value in drawn)
    if ours.size():
        assert {round(float(value), 6) for value in drawn} == {round(float(value), 6) for value in ours.grid(1)}


@given(
    st.text(alphabet="[]{}():,.'\"ab01e- when=|choiceunfrm", max_size=20), st.sampled_from(["", "choice(", "[", "{"])
)
def test_no_text_breaks_the_reader(text, head):
    """Whatever stands in brackets gives a distribution with values, or an error of ours."""
    try:
        distribution, _ = parse_range(head + text)
    except SearchSpaceError:
        return

    assert distribution.validate(distribution.sample(random.Random(1))) is None
