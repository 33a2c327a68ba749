"""What a newer space changes, told by parameter, and which points of the older one are points of it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import SearchSpace, adopt
from tests import strategies

OLD = SearchSpace(
    {
        "arch": "mlp|cnn",
        "lr": "1e-4..1e-1 log",
        "width": "8..64 when arch=cnn",
        "opt": "adam|sgd",
        "seed": "=3",
        "dropout": "0.0..0.5",
    }
)


@pytest.mark.parametrize(
    ("name", "range_", "kinds", "summary"),
    [
        ("lr", "1e-5..1.0 log", ("widened",), "widened"),
        ("lr", "1e-3..1e-2 log", ("narrowed",), "narrowed"),
        ("lr", "1e-3..1.0 log", ("widened", "narrowed"), "widened, narrowed"),
        ("lr", "1e-4..1e-1", ("log",), "log changed"),
        ("dropout", "0.0..0.5 step 0.1", ("step",), "step changed"),
        ("lr", "1..9", ("kind",), "kind changed"),
        ("lr", "=0.01", ("fixed",), "fixed"),
        ("seed", "1..9", ("freed",), "freed"),
        ("opt", "adam|sgd|rms|lion", ("choices added",), "choices added: rms|lion"),
        ("opt", "sgd|rms", ("choices added", "choices removed"), "choices added: rms, choices removed: adam"),
        ("opt", "sgd|adam", ("order",), "order changed"),
        ("seed", "=4", ("value",), "value changed"),
        ("width", "8..64", ("condition",), "condition changed"),
        ("width", "4..64 when arch=mlp", ("widened", "condition"), "widened, condition changed"),
    ],
)
def test_a_change_is_named(name: str, range_: str, kinds: tuple[str, ...], summary: str) -> None:
    """What became of the one parameter that is another one, in words that a program can tell apart."""
    new = SearchSpace({**OLD, name: range_}, when={k: c for k, c in OLD.conditions.items() if k != name})

    (change,) = OLD.diff(new)

    assert (change.name, change.kinds, change.summary) == (name, kinds, summary)
    assert change.to_dict()["changes"] == list(kinds)


def test_added_and_removed() -> None:
    """Each is told with its one spelling; choices are listed for programs too."""
    new = OLD.without("dropout") | {"momentum": "0.0..0.9", "opt": "adam|rms"}

    removed, opt, added = sorted(OLD.diff(new), key=lambda change: ["dropout", "opt", "momentum"].index(change.name))

    assert (str(removed), str(added)) == ("dropout: removed, was 0.0..0.5", "momentum: added, 0.0..0.9")
    assert (removed.after, added.before) == (None, None)
    assert (opt.choices_added, opt.choices_removed) == (("rms",), ("sgd",))


def adopted(new: dict[str, Any], **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    point = {"arch": "mlp", "lr": 0.01, "opt": "adam", "seed": 3, "dropout": 0.1, **params}
    return adopt(point, old=OLD, new=SearchSpace(new))


def test_what_was_removed_is_left_out() -> None:
    """The rest is a point of the smaller space, also where a parent went and its child stayed."""
    assert adopted({"lr": "1e-4..1.0 log", "opt": "adam|rms"}) == ({"lr": 0.01, "opt": "adam"}, {})
    assert adopted({"width": "8..64"}, arch="cnn", width=9) == ({"width": 9}, {})


def test_what_was_added_needs_something_to_stand_for_it() -> None:
    """A constant stands for itself; another parameter is missed, unless it does not exist at this point."""
    assert adopted({"lr": "1e-4..1.0", "epochs": "=5"}) == ({"lr": 0.01, "epochs": 5}, {})
    assert list(adopted({"lr": "1e-4..1.0", "momentum": "0.0..0.9"})[1]) == ["momentum"]
    assert adopted({"opt": "adam|sgd", "momentum": "0.0..0.9 when opt=sgd"}) == ({"opt": "adam"}, {})


def test_relations_are_told_and_kept() -> None:
    """One that is new or gone is a change; a point that breaks one is kept out by it, under the change's label."""
    old = SearchSpace({"n": "1..9", "m": "1..9", "require": ["n <= m"]})
    new = SearchSpace({"n": "1..9", "m": "1..9", "require": ["n * m <= 20"], "forbid": ["n=1 and m=1"]})

    changes = old.diff(new)
    (kept, no_problems), (_, problems) = (adopt({"n": n, "m": 5}, old=old, new=new) for n in (4, 5))

    assert [str(change) for change in changes] == [
        "require: removed, was n <= m",
        "require: added, n * m <= 20",
        "forbid: added, m=1 and n=1",
    ]
    assert (kept, no_problems) == ({"n": 4, "m": 5}, {})
    assert problems == {changes[1].label: "5 * 5 = 25"}


def test_a_default_stands_for_what_was_added() -> None:
    """A prior does not: it says where the best may lie, not what trials had before there was a choice."""
    new = {
        "lr": "1e-4..1.0",
        "momentum": "0.0..0.9 default 0.5",
        "size": "16<32 default 32",
        "beta": "0.0..1.0 prior 0.9",
    }

    point, problems = adopted(new)

    assert point == {"lr": 0.01, "momentum": 0.5, "size": 32}
    assert list(problems) == ["beta"]


def test_a_name_that_names_another_value_is_another_choice() -> None:
    """What a point had is the value, whatever it is called."""
    old = SearchSpace({"layers": "small=[64]|big=[256]"})
    new = SearchSpace({"layers": "small=[32]|big=[256]|huge=[512]"})

    (change,) = old.diff(new)
    kept, lost = (adopt({"layers": name}, old=old, new=new) for name in ("big", "small"))

    assert (change.choices_added, change.choices_removed) == (("small", "huge"), ("small",))
    assert kept == ({"layers": "big"}, {})
    assert lost[1] == {"layers": "small names another value now"}


def test_every_value_that_is_outside_is_named() -> None:
    """All parameters that keep a point out, each with its reason."""
    _, problems = adopted({"lr": "1e-4..1e-3 log", "opt": "sgd|rms", "dropout": "a|b"})

    assert {name: text.partition(",")[0] for name, text in problems.items()} == {
        "lr": "0.01 is outside 0.0001..0.001 log",
        "opt": "must be one of sgd|rms",
        "dropout": "must be one of a|b",
    }


def test_another_kind_keeps_the_values_that_it_has() -> None:
    """A constant that was set free, whole numbers among real ones."""
    assert adopted({"seed": "1..9"}) == ({"seed": 3}, {})
    assert adopted({"seed": "0.0..9.0"}) == ({"seed": 3}, {})


@given(old=strategies.spaces(min_size=1), new=strategies.spaces(min_size=1), seed=st.integers(0, 2**31))
def test_what_is_adopted_is_a_point(old: SearchSpace, new: SearchSpace, seed: int) -> None:
    """Of any two spaces: without problems it validates, and a space adopts all of its own points unchanged."""
    params = old.sample(random.Random(seed))

    point, problems = adopt(params, old=old, new=new)

    if not problems:
        new.validate(point)
    assert adopt(params, old=old, new=old) == (params, {})
