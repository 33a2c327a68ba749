"""Katib's parameters, as its Experiments have them: all values are text, and come back as values."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import Categorical, Constant, Float, Int, SearchSpace
from search_spaces.convert import TEXTS, ConversionError, from_katib, to_katib, to_params
from search_spaces.scalars import bare
from tests import strategies
from tests.search_spaces.convert.plain import single

few = settings(max_examples=30)


def spec(kind: str, **space: Any) -> dict[str, Any]:
    """Return a parameter named x."""
    return {"name": "x", "parameterType": kind, "feasibleSpace": space}


def expressible(space: SearchSpace) -> bool:
    """Say whether no text looks like another value."""
    values = [value for d in space.values() if not isinstance(d, (Float, Int)) for value in d.grid(1)]
    return all(bare(value) == value for value in values if isinstance(value, str))


flat_spaces = strategies.spaces(conditions=False).filter(expressible)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Float(0.01, 0.03), spec("double", min="0.01", max="0.03")),
        (Float(1e-5, 0.1, log=True), spec("double", min="1e-05", max="0.1", distribution="logUniform")),
        (Float(0.5, 2, step=0.25), spec("double", min="0.5", max="2.0", step="0.25")),
        (Int(2, 5), spec("int", min="2", max="5")),
        (Int(8, 64, log=True), spec("int", min="8", max="64", distribution="logUniform")),
        (Int(3, 7, step=2), spec("int", min="3", max="7", step="2")),
        (Categorical(["sgd", "adam"]), spec("categorical", list=["sgd", "adam"])),
        (Categorical([16, 0.5]), spec("discrete", list=["16", "0.5"])),
        (Categorical([True, None, "a"]), spec("categorical", list=["true", "null", "a"])),
        (Constant(1), spec("discrete", list=["1"])),
    ],
)
def test_counterparts(ours, theirs):
    """Each kind has one counterpart."""
    space = SearchSpace({"x": ours})

    assert to_katib(space) == [theirs]
    assert from_katib([theirs]) == space


@few
@given(flat_spaces)
def test_there_and_back(space):
    """A space comes back from the YAML that is written, where all values are text; choices of one are constants."""
    parameters = yaml.safe_load(TEXTS["katib"](space))["parameters"]

    assert all(isinstance(text, (str, list)) for p in parameters for text in p["feasibleSpace"].values())
    assert from_katib(parameters) == single(space)


@few
@given(flat_spaces, st.randoms(use_true_random=False))
def test_what_a_trial_gets_is_a_point(space, rng):
    """A trial gets texts; they are read as the values that they spell."""
    point = space.sample(rng)
    texts = {name: value if isinstance(value, str) else to_text(value) for name, value in point.items()}

    assert to_params(space, texts) == point


def to_text(value: Any) -> str:
    """Return what Katib puts into a trial for a value."""
    return {"True": "true", "False": "false", "None": "null"}.get(str(value), str(value))


def test_numbers_and_an_empty_step():
    """What Kubernetes writes back, and what people write without quotes, is read as well."""
    assert from_katib([spec("double", min=0.01, max="0.03", step="")]) == SearchSpace({"x": Float(0.01, 0.03)})


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        (spec("double", min="0", max="1", distribution="normal"), "x: distribution normal is no range"),
        (spec("int", min="1", max="9", step="2", distribution="logUniform"), "x: log and step 2 exclude each other"),
        (spec("real", min="0", max="1"), "x: parameterType must be one of double, int, categorical, discrete"),
        (spec("int", min="0"), "x: feasibleSpace needs max"),
        (spec("int", min="a", max="3"), "x: min must be a number, got 'a'"),
        (spec("int", min="0.5", max="3"), "x: low must be a whole number"),
        (spec("int", list=["1"]), "x: feasibleSpace of int has no list"),
        (spec("categorical", list=[]), "x: choices must hold at least one value"),
        ({"name": "x", "parameterType": "int"}, "x: feasibleSpace must be a mapping"),
        ({"parameterType": "int"}, "parameter 1 must be a mapping with a name"),
    ],
)
def test_what_we_cannot_express_is_named(theirs, says):
    """The parameter, what it asks for, and what to do."""
    with pytest.raises(ConversionError, match=f"^{says}"):
        from_katib([theirs])


def test_what_katib_cannot_express_is_named():
    """All at once: conditions, and texts that would be read as other values."""
    space = SearchSpace({"a": Categorical(["1", "b"]), "c": "1..2 when a=b", "d": Constant("true")})

    with pytest.raises(ConversionError) as caught:
        to_katib(space)

    assert sorted(problem.partition(":")[0] for problem in caught.value.problems) == ["a", "c", "d"]


def test_a_sample_of_texts_that_is_no_point():
    """What is wrong with a sample is said as `validate` does."""
    space = SearchSpace({"n": "1..6", "lr": "0.0..1.0"})

    assert to_params(space, {"n": "3", "lr": "1e-3"}) == {"n": 3, "lr": 0.001}
    with pytest.raises(ValueError, match=r"n: .* is outside"):
        to_params(space, {"n": "7", "lr": "0.5"})
