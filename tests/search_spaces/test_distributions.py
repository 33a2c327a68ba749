"""Distributions check themselves, sample within themselves and are what they are written as."""

from __future__ import annotations

import copy
import math
import pickle
import random
import statistics
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Categorical, Constant, Float, Int, Ordinal, SearchSpaceError
from search_spaces.plain import distribution_from_dict
from tests import strategies


@pytest.mark.parametrize(
    ("make", "problems"),
    [
        (lambda: Float(1, 0.1), ["low 1.0 is above high 0.1: swap them"]),
        (lambda: Float(0, 1, log=True), ["low must be above 0 on a log scale, got 0.0: try 1e-06"]),
        (lambda: Int(0, 8, log=True), ["low must be above 0 on a log scale, got 0: try 1"]),
        (
            lambda: Float(math.nan, math.inf),
            ["low must be a finite number, got nan", "high must be a finite number, got inf"],
        ),
        (lambda: Float(0, 10**400), ["high must be a finite number, got 1000"]),
        (lambda: Float(-1.7e308, 1.7e308), ["low -1.7e+308 is too far from high 1.7e+308 for a float"]),
        (lambda: Float("0", True), ["low must be a number, got '0'", "high must be a number, got True"]),
        (
            lambda: Float(0, 1, step=0.3),
            ["step 0.3 does not divide 0.0..1.0: high would become 0.9, so write high 0.9"],
        ),
        (lambda: Int(1, 10, step=4), ["step 4 does not divide 1..10: high would become 9, so write high 9"]),
        (lambda: Float(0, 1, step=0), ["step must be above 0, got 0.0"]),
        (lambda: Int(0, 4, step=-2), ["step must be above 0, got -2"]),
        (lambda: Int(0, 4, step=5), ["step 5 is larger than the range 0..4: use at most 4"]),
        (lambda: Float(0, 1e300, step=1), ["step 1.0 is too small for 0.0..1e+300"]),
        (lambda: Float(1, 2, log=True, step=0.5), ["log and step 0.5 exclude each other: keep one of them"]),
        (lambda: Int(1, 9, log=True, step=2), ["log and step 2 exclude each other: keep one of them"]),
        (lambda: Int(1, 9, log="yes"), ["log must be true or false, got 'yes'"]),
        (lambda: Int(1.5, True), ["low must be a whole number, got 1.5", "high must be a whole number, got True"]),
        (lambda: Int(0, 2**60), ["high must lie within -2**53..2**53, got 1152921504606846976"]),
        (lambda: Categorical([]), ["choices must hold at least one value, got none"]),
        (lambda: Categorical("adam"), ["choices must be a list such as ['adam', 'sgd'], got 'adam'"]),
        (lambda: Categorical(["a", "b", "a"]), ["choices 1 and 3 are both a: drop one"]),
        (
            lambda: Categorical([1, 1.0, True]),
            ["choices 1 and 2 (1 and 1.0) are equal in Python", "choices 1 and 3 (1 and true) are equal in Python"],
        ),
        (lambda: Categorical([[1], math.nan]), ["choices: [1] is a list", "choices: nan is not a finite number"]),
        (lambda: Constant("\ud800"), ["value '\\ud800' is not valid Unicode text"]),
        (lambda: Constant(2**53 + 1), ["value 9007199254740993 is beyond 2**53: write it as text"]),
    ],
)
def test_a_wrong_domain_names_value_rule_and_way_out(make, problems):
    """Every rule says what it saw, and all that can be judged are reported at once."""
    with pytest.raises(SearchSpaceError) as caught:
        make()

    assert len(caught.value.problems) == len(problems)
    for seen, expected in zip(caught.value.problems, problems, strict=True):
        assert seen.startswith(expected)


@pytest.mark.parametrize(
    ("distribution", "inside", "outside"),
    [
        (Float(0, 1), [0, 0.5, 1], [-0.1, 1.1, True, "0.5", None, math.nan]),
        (Float(0.1, 0.5, step=0.1), [0.1, 0.30000000000000004, 0.5], [0.15, 0.0, 0.6]),
        (Int(16, 64, step=16), [16, 32, 64], [17, 16.0, 80, True]),
        (Categorical([0, 1, "a", None]), [0, 1, 1.0, "a", None], [True, False, "b", [0]]),
        (Categorical([True, "x"]), [True, "x"], [1, 1.0, False]),
        (Constant(0), [0, 0.0], [False, 1, "0", None]),
    ],
)
def test_membership(distribution, inside, outside):
    """True is never 1, a float step forgives the last digits, and what is outside is explained."""
    assert all(distribution.contains(value) and distribution.validate(value) is None for value in inside)
    assert not any(distribution.contains(value) for value in outside)
    assert all(distribution.validate(value) for value in outside)


@pytest.mark.parametrize(
    ("distribution", "value", "problem"),
    [
        (Float(1e-5, 1, log=True), 7, "7 is outside 1e-05..1 log"),
        (Int(16, 64, step=16), 17, "17 lies between the steps of 16..64 step 16; 16 and 32 are nearest"),
        (Float(0, 1, step=0.25), 0.3, "0.3 lies between the steps of 0.0..1 step 0.25; 0.25 is nearest"),
        (Categorical(["adam", "sgd"]), "adm", "must be one of adam|sgd, got 'adm'; did you mean 'adam'?"),
        (Constant(3), 4, "must be 3, got 4"),
    ],
)
def test_a_value_outside_is_explained(distribution, value, problem):
    """The problem shows the value, the domain, and the nearest thing to it."""
    assert distribution.validate(value) == problem


@pytest.mark.parametrize(
    ("distribution", "grid"),
    [
        (Float(0, 1), [0.0, 0.5, 1.0]),
        (Float(1e-4, 1, log=True), [1e-4, pytest.approx(1e-2), 1.0]),
        (Float(0, 1, step=0.1), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (Float(2, 2), [2.0]),
        (Int(1, 5), [1, 2, 3, 4, 5]),
        (Int(16, 64, step=16), [16, 32, 48, 64]),
        (Categorical(["a", None]), ["a", None]),
        (Constant("x"), ["x"]),
    ],
)
def test_grid_of_three_points(distribution, grid):
    """Continuous domains give n points with both ends; all others give every value."""
    assert distribution.grid(3) == grid


def test_grid_of_one_point_is_the_middle_of_the_scale():
    """One point says most where it stands in the middle."""
    assert Float(0, 4).grid(1) == [2.0]
    assert Float(1e-4, 1, log=True).grid(1) == [pytest.approx(1e-2)]


@pytest.mark.parametrize("n", [0, -1, 1.5, True])
def test_a_grid_needs_points(n):
    """A number of points that is none is refused."""
    with pytest.raises(SearchSpaceError, match="at least 1"):
        Float(0, 1).grid(n)


def test_a_grid_too_long_to_list_is_refused():
    """A grid over nearly all integers would take the memory of the machine."""
    with pytest.raises(SearchSpaceError, match="has 9007199254740993 values; 1000000 is the limit"):
        Int(0, 2**53).grid(3)


@pytest.mark.parametrize(
    ("distribution", "size"),
    [(Float(0, 1), None), (Float(1, 1), 1), (Float(0, 1, step=0.1), 11), (Int(1, 9, step=2), 5), (Constant(1), 1)],
)
def test_size(distribution, size):
    """Only a Float without steps is continuous."""
    assert distribution.size() == size


@pytest.mark.parametrize(
    ("distribution", "line", "shown"),
    [
        (Float(1e-5, 1, log=True), "1e-05..1 log", "Float(1e-05, 1.0, log=True)"),
        (Float(0, 0.5), "0.0..0.5", "Float(0.0, 0.5)"),
        (Float(0, 10, step=0.5), "0.0..10 step 0.5", "Float(0.0, 10.0, step=0.5)"),
        (Int(16, 256, step=16), "16..256 step 16", "Int(16, 256, step=16)"),
        (Int(8, 64, log=True), "8..64 log", "Int(8, 64, log=True)"),
        (Categorical(["adam", "one-cycle"]), "adam|one-cycle", "Categorical(['adam', 'one-cycle'])"),
        (Categorical([True, None, 1.5]), "true|null|1.5", "Categorical([True, None, 1.5])"),
        (Categorical(["1", "a b", "when"]), '"1"|"a b"|"when"', "Categorical(['1', 'a b', 'when'])"),
        (Categorical(["adam"]), "adam|", "Categorical(['adam'])"),
        (Constant(0.1), "=0.1", "Constant(0.1)"),
        (Ordinal([16, 32]), "16<32", "Ordinal([16, 32])"),
        (Categorical({"a": [64], "b c": None}), 'a=[64]|"b c"=null', "Categorical({'a': [64], 'b c': None})"),
        (Ordinal({"s": 16, "l": "x"}, default="l"), "s=16<l=x default l", "Ordinal({'s': 16, 'l': 'x'}, default='l')"),
        (Float(0, 1, default=1, prior=0.5), "0.0..1 default 1.0 prior 0.5", "Float(0.0, 1.0, default=1.0, prior=0.5)"),
        (
            Int(8, 64, log=True, prior=32, confidence="high"),
            "8..64 log prior 32 high",
            "Int(8, 64, log=True, prior=32, confidence='high')",
        ),
        (Categorical([1, None], default=None), "1|null default null", "Categorical([1, None], default=None)"),
    ],
)
def test_both_spellings(distribution, line, shown):
    """str is the one-line grammar, repr is Python."""
    assert str(distribution) == line
    assert repr(distribution) == shown


def test_log_int_favours_no_end():
    """On a log scale each factor of two is as likely as another, the ends included."""
    rng = random.Random(1)
    distribution = Int(1, 8, log=True)

    counts = [0] * 9
    for _ in range(8000):
        counts[distribution.sample(rng)] += 1

    for value in range(1, 9):
        expected = 8000 * math.log((value + 0.5) / (value - 0.5)) / math.log(17)
        assert counts[value] == pytest.approx(expected, abs=5 * math.sqrt(expected))


def test_equality_is_that_of_what_is_written():
    """Python takes 1, 1.0 and True for one; a study does not."""
    assert Constant(1) != Constant(True)
    assert Constant(1) != Constant(1.0)
    assert Categorical([0, 1]) != Categorical([False, True])
    assert Float(0, 1) == Float(0.0, 1.0)
    assert Float(-0.0, 1) == Float(0.0, 1)
    assert len({Constant(1), Constant(True), Constant(1)}) == 2


def test_subclasses_of_scalars_become_plain():
    """What an enum or numpy hands over is kept as the plain value that a file and a database hold."""
    from enum import StrEnum

    import numpy as np

    class Arch(StrEnum):
        MLP = "mlp"

    choices = Categorical([Arch.MLP, np.float64(0.5)]).choices

    assert [type(choice) for choice in choices] == [str, float]
    assert choices == ("mlp", 0.5)


@given(strategies.distributions, st.integers(0, 2**32))
def test_every_sample_validates(distribution, seed):
    """No scale, step or rounding leads out of the domain."""
    value = distribution.sample(random.Random(seed))

    assert distribution.validate(value) is None


@given(strategies.distributions.filter(lambda d: (d.size() or 0) <= 10_000), st.integers(1, 9))
def test_grid_points_are_distinct_values_of_the_domain(distribution, n):
    """A grid holds each of its values once, and as many as the size says."""
    grid = distribution.grid(n)

    assert all(distribution.validate(value) is None for value in grid)
    assert len(set(map(repr, grid))) == len(grid)
    assert len(grid) == distribution.size() if distribution.size() else len(grid) <= n


@given(strategies.distributions)
def test_round_trips(distribution):
    """Data, pickle and Python's spelling all come back as an equal distribution."""
    assert distribution_from_dict(distribution.to_dict()) == distribution
    assert pickle.loads(pickle.dumps(distribution)) == distribution
    assert copy.deepcopy(distribution) == distribution
    assert eval(repr(distribution)) == distribution
    assert hash(eval(repr(distribution))) == hash(distribution)


@given(strategies.distributions, st.integers(0, 2**32), strategies.shares)
def test_every_value_made_comes_back_from_the_unit_scale(distribution, seed, share):
    """Samples, the points of a grid, and whatever stands at a share of the scale, are found again exactly."""
    values = [distribution.sample(random.Random(seed)), distribution.from_unit(share)]
    if (distribution.size() or 0) <= 1000:
        values += distribution.grid(4)

    back = [distribution.from_unit(distribution.to_unit(value)) for value in values]

    if (distribution.size() or 0) <= 2**40:
        assert list(map(repr, back)) == list(map(repr, values))
    assert all(distribution.validate(value) is None for value in back)


@pytest.mark.parametrize("value", [1e-3, 0.1, 3.3e-4, 0.0123456789, 1e-5])
@pytest.mark.parametrize("log", [True, False])
def test_what_people_write_comes_back_too(value, log):
    """Numbers of ten digits are not changed by a way to the unit scale and back; others are by less than they show."""
    domain = Float(1e-5, 1, log=log)

    assert domain.from_unit(domain.to_unit(value)) == value
    assert domain.from_unit(domain.to_unit(value * 1.0000000000001)) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("distribution", "shares"),
    [
        (Float(0, 4), {0.0: 0.0, 0.25: 1.0, 1.0: 4.0}),
        (Float(1e-5, 1e-1, log=True), {0.0: 1e-5, 0.25: 1e-4, 0.5: 1e-3, 1.0: 0.1}),
        (Float(0, 1, step=0.1), {0.0: 0.0, 0.3: 0.3, 1.0: 1.0}),
        (Float(0, 1.7e308), {0.5: 8.5e307, 0.9999999999999: 1.7e308}),
        (Int(1, 4), {0.0: 1, 0.24: 1, 0.26: 2, 1.0: 4}),
        (Int(1, 8, log=True), {0.0: 1, 0.5: 2, 1.0: 8}),
        (Categorical(["a", "b"]), {0.0: "a", 0.49: "a", 0.5: "b", 1.0: "b"}),
        (Ordinal([16, 32, 128]), {0.0: 16, 0.5: 32, 1.0: 128}),
        (Constant(3), {0.0: 3, 0.5: 3, 1.0: 3}),
    ],
)
def test_the_unit_scale(distribution, shares):
    """Ends stand at the ends, a log scale is one, and each of several values has an equal part."""
    assert {share: distribution.from_unit(share) for share in shares} == shares


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan, math.inf])
def test_a_share_lies_in_the_scale(share):
    """A coordinate outside is a mistake of whoever made it, not the nearest end."""
    with pytest.raises(SearchSpaceError, match=r"must lie in 0\.\.1, got"):
        Float(0, 1).from_unit(share)


def test_a_value_outside_has_no_place_on_the_scale():
    """It is refused as `validate` would."""
    with pytest.raises(SearchSpaceError, match=r"7 is outside 1\.\.6"):
        Int(1, 6).to_unit(7)


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (Float(1e-5, 1e-1, log=True), 1e-3),
        (Float(1e-5, 1e-1, log=True, prior=1e-2), 1e-2),
        (Float(1e-5, 1e-1, log=True, prior=1e-2, default=1e-4), 1e-4),
        (Float(0, 1, default=1 / 3), 1 / 3),
        (Float(0, 1, step=0.1, default=0.30000000000000004), 0.3),
        (Int(1, 6), 4),
        (Int(16, 64, step=16, default=16), 16),
        (Categorical(["a", "b"]), "a"),
        (Categorical(["a", None], default=None), None),
        (Categorical([1, 2], prior=2.0), 2),
        (Ordinal([16, 32, 128]), 32),
        (Ordinal({"tiny": [8], "small": [16]}, default="tiny"), "tiny"),
        (Constant("x"), "x"),
    ],
)
def test_the_value_that_stands_for_a_parameter(distribution, value):
    """The default, else the prior, else the middle; of what has no order the first."""
    found = distribution.default_value()

    assert repr(found) == repr(value)
    assert distribution.validate(found) is None


@pytest.mark.parametrize(
    ("make", "problems"),
    [
        (lambda: Float(0, 1, default=2), ["default 2 is outside 0.0..1"]),
        (lambda: Float(0, 1, default="x"), ["default must be a number in 0.0..1, got 'x'"]),
        (lambda: Int(1, 6, default=1.5, prior=9), ["default must be a whole number", "prior 9 is outside 1..6"]),
        (lambda: Int(0, 8, step=4, prior=3), ["prior 3 lies between the steps of 0..8 step 4; 0 and 4 are nearest"]),
        (lambda: Categorical(["adam", "sgd"], default="adm"), ["default must be one of adam|sgd, got 'adm'; did you"]),
        (lambda: Categorical([1, 2], default=None), ["default must be one of 1|2, got None"]),
        (
            lambda: Float(0, 1, prior=0.5, confidence="hihg"),
            ["confidence must be one of low, medium, high, got 'hihg'"],
        ),
        (lambda: Float(0, 1, prior=0.5, confidence=[]), ["confidence must be one of low, medium, high, got []"]),
        (lambda: Int(0, 1, confidence="low"), ["confidence low is that of a prior, and there is none: give prior too"]),
        (lambda: Ordinal([1], prior=3), ["choices must hold at least 2 values to have an order, got [1]"]),
        (lambda: Ordinal([2, 2]), ["choices 1 and 2 are both 2: drop one"]),
        (lambda: Categorical({}), ["choices must hold at least one value, got none"]),
        (lambda: Categorical({1: [64]}), ["choices: the name 1 must be text"]),
        (lambda: Categorical({"a": {1}}), ["choices: a: {1} is a set: use a list, a mapping, text, a number"]),
        (lambda: Categorical({"a": [{"b": math.nan}]}), ["choices: a: nan is not a finite number"]),
        (lambda: Categorical({"a": {1: 2}}), ["choices: a: its value has the key 1, which must be text"]),
    ],
)
def test_a_wrong_guess_or_name_says_what_would_be_right(make, problems):
    """Default, prior, confidence and named values are checked with the domain; each problem begins with its field."""
    with pytest.raises(SearchSpaceError) as caught:
        make()

    assert len(caught.value.problems) == len(problems)
    for seen, expected in zip(caught.value.problems, problems, strict=True):
        assert seen.startswith(expected)


@pytest.mark.parametrize(("confidence", "spread"), [("low", 0.5), ("medium", 0.25), ("high", 0.125)])
@pytest.mark.parametrize(
    "make",
    [
        lambda **prior: Float(1e-5, 1e-1, log=True, prior=1e-3, **prior),
        lambda **prior: Int(0, 1000, prior=500, **prior),
        lambda **prior: Ordinal(list(range(101)), prior=50, **prior),
    ],
    ids=["float", "int", "ordinal"],
)
def test_draws_gather_around_a_prior(make, confidence, spread):
    """On the unit scale they are normal, cut to it: their spread is the one of NePS for such a confidence."""
    rng = random.Random(3)
    distribution = make(confidence=confidence)
    normal = statistics.NormalDist(0.5, spread)
    within = normal.cdf(0.5 + spread) - normal.cdf(max(0.5 - spread, 0))
    expected = within / (normal.cdf(1) - normal.cdf(0))

    shares = [distribution.to_unit(distribution.sample(rng)) for _ in range(2000)]

    assert statistics.fmean(shares) == pytest.approx(0.5, abs=0.03)
    assert sum(abs(share - 0.5) <= spread for share in shares) / 2000 == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize(("confidence", "weight"), [("low", 2), ("medium", 4), ("high", 6)])
def test_the_prior_of_choices_weighs_more(confidence, weight):
    """It comes as often as two, four or six others together would, each of which is as likely as another."""
    rng = random.Random(3)
    distribution = Categorical(["a", "b", "c"], prior="b", confidence=confidence)

    drawn = Counter(distribution.sample(rng) for _ in range(4000))

    assert drawn["b"] / 4000 == pytest.approx(weight / (weight + 2), abs=0.03)
    assert drawn["a"] / 4000 == pytest.approx(1 / (weight + 2), abs=0.03)


def test_values_with_names():
    """Params hold the names; each look at a value gives a fresh one, so that nobody changes the space."""
    sizes = [64, 64]
    distribution = Categorical({"small": sizes, "big": {"layers": [256], "act": "relu"}})
    sizes.append(9)

    first = distribution.value_of("small")
    first.append(7)

    assert distribution.choices == ("small", "big")
    assert distribution.value_of("small") == [64, 64]
    assert distribution.value_of("big") == {"layers": [256], "act": "relu"}
    assert distribution.validate([64, 64]).startswith("must be one of small=[64, 64]|big={")
    assert distribution.is_named
    assert Categorical(["a"]).value_of("a") == "a"
