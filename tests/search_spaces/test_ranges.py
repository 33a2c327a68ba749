"""The one-line grammar reads what people type, writes what it reads, and explains what it cannot read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import (
    Categorical,
    Condition,
    Constant,
    Float,
    Int,
    Ordinal,
    SearchSpaceError,
    format_range,
    parse_range,
)
from search_spaces.ranges import parse_condition
from tests import strategies


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("1e-5..1e-1 log", Float(1e-5, 1e-1, log=True)),
        ("0.0..0.5", Float(0, 0.5)),
        ("1..6", Int(1, 6)),
        ("1.0..6", Float(1, 6)),
        ("1..6.0", Float(1, 6)),
        (" -1 .. 1 ", Int(-1, 1)),
        (".1..+.5", Float(0.1, 0.5)),
        ("16..256 step 16", Int(16, 256, step=16)),
        ("0..1.0 step 0.25", Float(0, 1, step=0.25)),
        ("8..64 log", Int(8, 64, log=True)),
        ("adam|sgd", Categorical(["adam", "sgd"])),
        ("adam | one-cycle | runs/a.csv", Categorical(["adam", "one-cycle", "runs/a.csv"])),
        ("true|false", Categorical([True, False])),
        ("True|False", Categorical([True, False])),
        ("1|1.5|1e-3|null|none", Categorical([1, 1.5, 1e-3, None, "none"])),
        ('"1"|"two words"|"a\\"b"', Categorical(["1", "two words", 'a"b'])),
        ("adam|", Categorical(["adam"])),
        ("log|step", Categorical(["log", "step"])),
        ("16<32<128", Ordinal([16, 32, 128])),
        ("low < high", Ordinal(["low", "high"])),
        ("small=[64, 64]|big=[256]", Categorical({"small": [64, 64], "big": [256]})),
        ('tiny=16<large={"w": 64}', Ordinal({"tiny": 16, "large": {"w": 64}})),
        ("a=x|", Categorical({"a": "x"})),
        ("1e-5..1e-1 log default 1e-3", Float(1e-5, 1e-1, log=True, default=1e-3)),
        ("1e-5..1e-1 prior 1e-3 high log", Float(1e-5, 1e-1, log=True, prior=1e-3, confidence="high")),
        ("1..9 prior 3 default 5 step 2", Int(1, 9, step=2, prior=3, default=5)),
        ("0..1.0 default 1", Float(0, 1, default=1)),
        ("adam|sgd default sgd", Categorical(["adam", "sgd"], default="sgd")),
        (
            "adam|sgd prior sgd low default adam",
            Categorical(["adam", "sgd"], default="adam", prior="sgd", confidence="low"),
        ),
        ("16<32<128 prior 32", Ordinal([16, 32, 128], prior=32)),
        ("s=[1]<l=[2] default l", Ordinal({"s": [1], "l": [2]}, default="l")),
        ("low|high prior high", Categorical(["low", "high"], prior="high")),
        ("low|high prior low high", Categorical(["low", "high"], prior="low", confidence="high")),
        ("a|default|b", Categorical(["a", "default", "b"])),
        ("prior|default", Categorical(["prior", "default"])),
        ('prior|"default" default prior', Categorical(["prior", "default"], default="prior")),
        ("adam| default adam", Categorical(["adam"], default="adam")),
        ("1|null default null", Categorical([1, None], default=None)),
        ("=0.1", Constant(0.1)),
        ("= adam", Constant("adam")),
        ("adam", Constant("adam")),
        ("0.1", Constant(0.1)),
        ("true", Constant(True)),
        ('"when"', Constant("when")),
    ],
)
def test_reads(text, distribution):
    """Each form of the grammar gives its distribution, and no condition."""
    assert parse_range(text) == (distribution, None)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("2..6 when arch=cnn", Condition.of({"arch": "cnn"})),
        ("2..6 when arch=cnn|mlp", Condition.of({"arch": ["mlp", "cnn"]})),
        ("2..6 when cnn.n_blocks = 2|3 and norm=batch", Condition.of({"norm": "batch", "cnn.n_blocks": [2, 3]})),
        ('2..6 when a=true and b="true"', Condition.of({"a": True, "b": "true"})),
        ("2..6 when n>=2", Condition.of({"n": {">=": 2}})),
        ("2..6 when n = -2 .. 4", Condition.of({"n": {">=": -2, "<=": 4}})),
        ("2..6 when lr>1e-3 and lr<=.1", Condition.of({"lr": {">": 1e-3, "<=": 0.1}})),
        ("2..6 when n=1|2|3 and n>1", Condition.of({"n": [2, 3]})),
        (
            "2..6 when arch=cnn and norm=batch|layer or arch=mlp",
            Condition.of([{"arch": "cnn", "norm": ["batch", "layer"]}, {"arch": "mlp"}]),
        ),
    ],
)
def test_reads_conditions(text, condition):
    """What follows `when` is the condition, whatever stands before it."""
    assert parse_range(text) == (Int(2, 6), condition)


@pytest.mark.parametrize(
    ("text", "problem", "example"),
    [
        ("", "there is no range", "adam|sgd"),
        ("1..0", "low 1 is above high 0: swap them", "1e-5..1e-1 log"),
        ("0..1 log", "low must be above 0 on a log scale", "1e-5..1e-1 log"),
        ("nan..1", "low must be a number, got 'nan'", "1e-5..1e-1 log"),
        ("1e999..1e1000", "low must be a finite number, got inf; high must be a finite number", "1e-5..1e-1 log"),
        ("1..", "a range is low..high", "1e-5..1e-1 log"),
        ("1...6", "a range is low..high", "1e-5..1e-1 log"),
        ("..6", "expected a value, got '..'", "1e-5..1e-1 log"),
        ("1..2 lgo", "comes log, step, default, prior or when, got 'lgo'; did you mean 'log'?", "1e-5..1e-1 log"),
        ("1..2 log log", "after low..high comes log, step, default, prior or when, got 'log'", "1e-5..1e-1 log"),
        ("1..9 step", "step must be a number, got 'nothing'", "16..256 step 16"),
        ("1..9 step 0.5", "step must be a whole number, got 0.5", "16..256 step 16"),
        ("0.0..1 step 0.3", "high would become 0.9", "16..256 step 16"),
        ("adam sgd", "expected '|' between values, got 'sgd'", "adam|sgd"),
        ("a||b", "expected a value, got '|'", "adam|sgd"),
        ("a|b|", "expected a value after '|'", "adam|sgd"),
        ("|", "expected a value, got '|'", "adam|sgd"),
        ("a|a", "choices 1 and 2 are both a: drop one", "adam|sgd"),
        ("=", "a constant is '=' and one value", "=0.1"),
        ("=1 2", "a constant is '=' and one value", "=0.1"),
        ("lr=0.1", "expected '|' between values, got 'a single name=value'", "=0.1"),
        ("1..6 default", "expected a value, got nothing", "1e-5..1e-1 log"),
        ("1..6 default 9", "default 9 is outside 1..6", "1e-5..1e-1 log"),
        ("1..6 prior 3 hihg", "comes log, step, default, prior or when, got 'hihg'", "1e-5..1e-1 log"),
        ("1..6 default 2 default 3", "comes log, step, default, prior or when, got 'default'", "1e-5..1e-1 log"),
        ("adam|sgd default adm", "default must be one of adam|sgd, got 'adm'; did you mean 'adam'?", "adam|sgd"),
        ("adam|sgd log", "after values comes default, prior or when, got 'log'", "adam|sgd"),
        ("adam default sgd", "expected '|' between values, got 'default'", '"1e-5..1e-1 log" or "adam|sgd"'),
        ("1<2|3", "'|' and '<' cannot be mixed: values have an order or have none", "adam|sgd"),
        ("1<", "expected a value after '<'", "16<32<128"),
        ("a=1|b", "give every value a name, as in small=16|large=64, or none", "adam|sgd"),
        ("a=1|a=2", "choices 1 and 2 are both a: drop one", "adam|sgd"),
        ("a=[1, 2|b=3", "cannot go on at '[1, 2|b=3', which is neither list nor mapping in JSON", "adam|sgd"),
        ("a=[NaN]|b=3", "choices: a: nan is not a finite number", "adam|sgd"),
        ("a=|b=3", "expected a value, got '|'", "adam|sgd"),
        ("a|[1]", "give the value a name: name=[1]", "adam|sgd"),
        ("a|or", "expected a value, got 'or'; as text it needs double quotes", "adam|sgd"),
        ("(a,b)", "cannot go on at '(a,b)'", "adam|sgd"),
        ("a|f(x)", "cannot go on at '(x)'", "adam|sgd"),
        ('"\\q"', "is not a text as JSON writes it", "adam|sgd"),
        ("1..6 when", "after when comes name=value", "2..6 when arch=cnn|mlp"),
        ("1..6 when a", "after when comes name=value", "2..6 when arch=cnn|mlp"),
        ("1..6 when a=", "after when comes name=value", "2..6 when arch=cnn|mlp"),
        ("1..6 when a=1 and a=2", "write a=value|value if one of them is enough", "2..6 when arch=cnn|mlp"),
        ("1..6 when a=1 or", "after when comes name=value", "2..6 when arch=cnn|mlp"),
        ("1..6 when 2<a", "when 2: < must be a number, got 'a'", "2..6 when arch=cnn|mlp"),
        ("1..6 when a<2<3", "when a: expected one number after <, got '<' behind it", "2..6 when arch=cnn|mlp"),
        ("1..6 when a>=x", "when a: >= must be a number, got 'x'", "2..6 when arch=cnn|mlp"),
        ("1..6 when a=1..2|5", "when a: expected '|' between values, got '..'", "2..6 when arch=cnn|mlp"),
        ("1..6 when a=5..2", "when a: there is nothing between the bounds >=5 and <=2", "2..6 when arch=cnn|mlp"),
        ("when a=1", "there is no range", "2..6 when arch=cnn|mlp"),
    ],
)
def test_explains_what_it_cannot_read(text, problem, example):
    """The error names the text, what was expected, and an example of what was probably meant."""
    with pytest.raises(SearchSpaceError) as caught:
        parse_range(text)

    (message,) = caught.value.problems
    assert message.startswith(f"cannot read {text!r}: ")
    assert problem in message
    assert message.partition("; an example: ")[2].find(example) >= 0


@pytest.mark.parametrize("text", [None, 3, ["a"]])
def test_only_text_is_read(text):
    """A value that is no text is refused with an example."""
    with pytest.raises(SearchSpaceError, match="must be text such as"):
        parse_range(text)


def test_condition_alone():
    """A condition in a file is the part after `when`, and is explained alike."""
    assert parse_condition("arch=cnn|mlp and n=2") == Condition.of({"arch": ["cnn", "mlp"], "n": 2})
    with pytest.raises(SearchSpaceError, match=r"cannot read 'arch': .*; an example: arch=cnn\|mlp"):
        parse_condition("arch")


@given(strategies.spaces())
def test_round_trip_of_every_line(space):
    """What is written for a parameter, condition included, is read as the same."""
    for name, distribution in space.items():
        condition = space.conditions.get(name)

        assert parse_range(format_range(distribution, condition)) == (distribution, condition)


@given(st.text(alphabet='01.e-+|=<>" wahndlorgstepfui\\([]{}:,)', max_size=20))
def test_no_text_breaks_the_reader(text):
    """Whatever is typed gives a distribution or an error of ours."""
    try:
        distribution, condition = parse_range(text)
    except SearchSpaceError:
        return

    assert parse_range(format_range(distribution, condition)) == (distribution, condition)
