"""Spaces with relations: all that draws, checks, mends, counts, joins and writes points or spaces keeps to them."""

from __future__ import annotations

import copy
import json
import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import Constant, Float, Int, SearchSpace, SearchSpaceError, choose, dumps, load_space
from tests import strategies

_SPACE = SearchSpace(
    {
        "n_layers": "1..8",
        "width": "16..4096 log",
        "optimizer": "adam|sgd",
        "batch_size": "32|64|512",
        "momentum": "0.0..1 when optimizer=sgd",
    },
    require=["n_layers*width <= 4096", "momentum <= n_layers / 8"],
    forbid=[{"optimizer": "sgd", "batch_size": 512}, "n_layers=1 and batch_size=32"],
)
_GOOD = {"n_layers": 4, "width": 64, "optimizer": "sgd", "batch_size": 64, "momentum": 0.3}


def test_holds_what_it_was_given():
    """Relations are values of the space, in canonical spelling and order, each once."""
    again = SearchSpace(
        _SPACE.to_dict() | {"forbid": ["batch_size=32 and n_layers=1"]},
        require=["n_layers * (width) <= 4096"],
        forbid=list(_SPACE.forbid),
    )

    assert [str(relation) for relation in _SPACE.require] == ["momentum <= n_layers / 8", "n_layers * width <= 4096"]
    assert [str(relation) for relation in _SPACE.forbid] == [
        "batch_size=32 and n_layers=1",
        "batch_size=512 and optimizer=sgd",
    ]
    assert again == _SPACE
    assert SearchSpace(_SPACE) == _SPACE
    assert SearchSpace({"x": "0..9"}, require="x > 3").require == SearchSpace({"x": "0..9", "require": ["x>3"]}).require
    assert list(_SPACE) == ["n_layers", "width", "optimizer", "batch_size", "momentum"]


def test_without_relations_nothing_changes():
    """What a space without relations is written as stays as it was."""
    plain = SearchSpace({"x": "0..9"}, require=[], forbid=())

    assert plain == SearchSpace({"x": "0..9"})
    assert plain.to_dict() == {"x": {"type": "int", "low": 0, "high": 9}}
    assert plain.fingerprint() == SearchSpace({"x": "0..9"}).fingerprint()


@pytest.mark.parametrize(
    ("relations", "problem"),
    [
        ({"require": ["n <"]}, "require: cannot read 'n <': expected a number, a name or '(', got the end"),
        ({"require": [5]}, "require: a relation must be text such as 'n_layers * width <= 4096', got 5"),
        ({"require": ["m < 3"]}, "require: m < 3: there is no parameter 'm'"),
        (
            {"require": ["n_layer < 3"]},
            "require: n_layer < 3: there is no parameter 'n_layer'; did you mean 'n_layers'?",
        ),
        (
            {"require": ["arch < 3"]},
            "require: arch < 3: arch is mlp|cnn, where 'mlp' is no number: use forbid, such as",
        ),
        ({"require": ["flag < 3"]}, "require: flag < 3: flag is false|true, where False is no number"),
        (
            {"require": ["decay < 3"]},
            "there is no parameter 'decay'; write `weight-decay` in backticks, since - is minus",
        ),
        ({"require": {"type": "int", "low": 1, "high": 2}}, "require: a relation must be text such as"),
        ({"forbid": ["arch"]}, "forbid: cannot read 'arch': "),
        ({"forbid": [{}]}, "forbid: must map parents to values, such as"),
        ({"forbid": ["ach=mlp"]}, "forbid: ach=mlp, but there is no parameter 'ach'; did you mean 'arch'?"),
        ({"forbid": ["arch=cn"]}, "forbid: arch=cn, but arch is mlp|cnn, never cn; did you mean 'cnn'?"),
        ({"forbid": [{"n_layers": 9}]}, "forbid: n_layers=9, but n_layers is 1..8, never 9"),
    ],
)
def test_refuses_relations_that_mean_nothing(relations, problem):
    """Each mistake names the relation, what was seen and what to write."""
    parameters = {"n_layers": "1..8", "arch": "mlp|cnn", "flag": "false|true", "weight-decay": "0.0..1"}

    for make in (
        lambda: SearchSpace(parameters, **relations),
        lambda: SearchSpace(parameters | relations),
        lambda: SearchSpace(parameters) | relations,
    ):
        with pytest.raises(SearchSpaceError) as caught:
            make()

        (seen,) = caught.value.problems
        assert problem in seen


def test_all_problems_at_once():
    """Relations are judged beside parameters; what hangs on a wrong parameter is not."""
    with pytest.raises(SearchSpaceError) as caught:
        SearchSpace({"a": "2..1", "b": "1..2"}, require=["a < b", "c < b", "b"], forbid=[{"a": 1}, {"b": 3}])

    assert [problem.split(": ")[0] for problem in caught.value.problems] == [
        *("require", "a", "require", "forbid"),
    ]


def test_numbers_of_every_kind_can_be_compared():
    """A choice among numbers and a constant are numbers, and names with signs stand in backticks."""
    space = SearchSpace({"a-b": "1|2.5|4", "c": "=2", "d": "0.0..9", "e": "0..9"}, require=["`a-b` * c <= d + e"])

    assert space.is_feasible({"a-b": 2.5, "c": 2, "d": 4.5, "e": 1})
    assert not space.is_feasible({"a-b": 4, "c": 2, "d": 4.5, "e": 1})


def test_validate_names_every_relation_that_a_point_breaks():
    """With the numbers seen, beside whatever else is wrong; what cannot be judged is not."""
    _SPACE.validate(_GOOD)
    _SPACE.validate({"n_layers": 1, "width": 4096, "optimizer": "adam", "batch_size": 64})

    with pytest.raises(SearchSpaceError) as caught:
        _SPACE.validate(_GOOD | {"width": 2048, "batch_size": 512, "momentum": 2})

    assert list(caught.value.problems) == [
        "momentum: 2 is outside 0.0..1",
        "require n_layers * width <= 4096: 4 * 2048 = 8192",
        "forbid batch_size=512 and optimizer=sgd: batch_size = 512, optimizer = 'sgd'",
    ]


def test_a_relation_holds_where_a_parameter_does_not_exist():
    """Nothing is asked of what is not there, and nothing that is not there is forbidden."""
    space = SearchSpace(
        {"arch": "mlp|cnn", "kernel": "3|5 when arch=cnn", "pad": "0..4 when arch=cnn"},
        require=["2 * pad < kernel"],
        forbid=[{"kernel": 5, "pad": 0}],
    )

    points = list(space.grid(1))

    assert [tuple(point.values()) for point in points] == [
        ("mlp",),
        *(("cnn", 3, 0), ("cnn", 3, 1), ("cnn", 5, 1), ("cnn", 5, 2)),
    ]
    assert space.size() == 5


def test_forbids_conditions_of_every_shape():
    """Intervals and alternatives are forbidden like values; what could never be need not be."""
    parameters = {"arch": "mlp|cnn", "n": "1..6", "a": "1|2 when arch=cnn"}
    space = SearchSpace(parameters, forbid=["arch=mlp and n>=3 or a=2"])

    with pytest.raises(SearchSpaceError) as caught:
        SearchSpace(parameters, forbid=["a=1 and arch=mlp"])

    assert space.size() == 2 + 6
    assert [str(relation) for relation in space.fix(arch="mlp").forbid] == ["n>=3"]
    assert caught.value.problems == (
        "forbid: a=1 and arch=mlp is never so: it needs a=1, and a exists only when arch=cnn, but it asks for arch=mlp",
    )


def test_a_share_that_is_too_small_is_an_error():
    """It names the relation that failed most often, and how often."""
    space = SearchSpace({"a": "0.0..1", "b": "0.0..1"}, require=["a + b <= 1e-9", "a < 2 * b"])
    narrow = SearchSpace({"a": "0.0..1"}, require=["a <= 1e-3"])

    with pytest.raises(
        SearchSpaceError, match=r"of 10,000 points drawn none fulfils the relations; require a \+ b <= "
    ):
        space.sample(random.Random(1))
    with pytest.raises(SearchSpaceError, match=r"only \d+ fulfil the relations; require a <= 0\.001 failed most often"):
        narrow.check_feasible(random.Random(1))
    SearchSpace({"a": "0.0..1"}, require=["a <= 1e-2"]).check_feasible(random.Random(1))
    SearchSpace({"a": "0.0..1"}).check_feasible(random.Random(1))


@settings(max_examples=60)
@given(strategies.related_spaces(), st.integers(0, 2**32))
def test_samples_and_repaired_points_are_feasible(space, seed):
    """Whatever is drawn validates; whatever is mended too, and a feasible point is mended by leaving it."""
    rng = random.Random(seed)
    loose = SearchSpace(dict(space), when=space.conditions)

    point, infeasible = space.sample(rng), loose.sample(rng)
    mended = space.repair(infeasible, rng)

    space.validate(point)
    space.validate(mended)
    assert space.repair(point, rng) == point
    assert space.is_feasible(infeasible) == (mended == infeasible)


def test_repair_keeps_what_it_can():
    """Of an infeasible point as much stays as relations leave, children that come to exist included."""
    space = SearchSpace(
        {"arch": "mlp|cnn", "kernel": "1..99 when arch=cnn", "free": "0.0..1", "a": "0..9", "b": "0..9"},
        require=["a + b <= 9"],
        forbid=[{"arch": "mlp", "a": list(range(10))}],
    )
    broken = {"arch": "cnn", "kernel": 77, "free": 0.123, "a": 9, "b": 9}

    mended = [space.repair(broken, random.Random(seed)) for seed in range(20)]

    assert all(point["kernel"] == 77 and point["free"] == 0.123 for point in mended)
    for point in mended:  # no more could have been taken over
        assert all(point[name] == 9 or not space.is_feasible({**point, name: 9}) for name in "ab")


@settings(max_examples=60)
@given(strategies.related_spaces())
def test_size_and_grid_are_what_validates(space):
    """The points of a grid are those of the space without relations that are feasible, and their number is its size."""
    loose = SearchSpace(dict(space), when=space.conditions)

    points = list(space.grid(1))

    assert points == [point for point in loose.grid(1) if space.is_feasible(point)]
    assert space.size() == len(points)


def test_only_what_relations_connect_is_gone_through():
    """A relation between two of a thousand parameters is counted by looking at these two, a grid is still lazy."""
    space = SearchSpace({f"x{k}": "0..9" for k in range(300)}, require=["x0 + x1 <= 3", "x298 < x299"])

    assert space.size() == 10 * 45 * 10**296
    assert next(space.grid(1)) == dict.fromkeys(space, 0) | {"x299": 1}
    assert SearchSpace({"a": "1..2000000", "b": "1..3"}, require=["a < b"]).size() == 6_000_000
    assert SearchSpace({"a": "0.0..1", "b": "1..3"}, require=["a < b"]).size() == "continuous"


@settings(max_examples=60)
@given(strategies.related_spaces())
def test_round_trips(tmp_path_factory, space):
    """Text, data, files, Python's spelling, pickle and copies give an equal space of one fingerprint."""
    folder = tmp_path_factory.getbasetemp()
    files = [folder / "related.yaml", folder / "related.json"]
    for path in files:
        path.write_text(dumps(space, format=path.suffix[1:]), encoding="utf-8")

    copies = [
        SearchSpace.parse(str(space)),
        SearchSpace(space.lines()),
        SearchSpace.from_dict(json.loads(json.dumps(space.to_dict()))),
        eval(repr(space)),
        pickle.loads(pickle.dumps(space)),
        copy.deepcopy(space),
        SearchSpace(dict(space), when=space.conditions, require=space.require[::-1], forbid=space.forbid[::-1]),
        *map(load_space, files),
    ]

    for other in copies:
        assert other == space
        assert hash(other) == hash(space)
        assert other.fingerprint() == space.fingerprint()
        assert space.diff(other) == []


def test_parse():
    """The text that a space is written as, with every problem of one that is none."""
    assert SearchSpace.parse(f"\n{_SPACE}\n\n") == _SPACE
    assert SearchSpace.parse("") == SearchSpace()
    with pytest.raises(SearchSpaceError) as caught:
        SearchSpace.parse("a: 1..2\nb\na: 1..3")
    assert list(caught.value.problems) == [
        "line 2: write NAME: RANGE, such as \"lr: 1e-5..1e-1 log\", got 'b'",
        "line 3: a has a line already: keep one of them",
    ]
    with pytest.raises(SearchSpaceError, match="require: b < 3: there is no parameter 'b'"):
        SearchSpace.parse("a: 1..2\nrequire: b < 3")


def test_a_file_says_where_each_relation_is_wrong(tmp_path):
    """File, line and column, relations among everything else."""
    file = tmp_path / "space.yaml"
    file.write_text("n: 1..8\nrequire:\n- n < 9\n- m < n\nlr: 2..1\nforbid: [{n: 3}, {n: 33}]\n")

    with pytest.raises(SearchSpaceError) as caught:
        load_space(file)

    assert [problem.removeprefix(f"{file}:").split(": ")[0] for problem in caught.value.problems] == [
        "4:3",
        "5:5",
        "6:18",
    ]


def test_diff():
    """A relation that came or went is a line."""
    other = SearchSpace(dict(_SPACE), when=_SPACE.conditions, require=["width > 20"], forbid=_SPACE.forbid)

    assert [*map(str, _SPACE.diff(other))] == [
        "require: removed, was momentum <= n_layers / 8",
        "require: removed, was n_layers * width <= 4096",
        "require: added, width > 20",
    ]
    assert other != _SPACE


def test_joining_joins_relations():
    """Both sides' relations hold, and each may ask about parameters of the other."""
    left = SearchSpace({"a": "1..5", "b": "1..5"}, require=["a < b"])

    joined = left | {"c": "1..5", "require": ["c < a"]} | SearchSpace({"d": "x|y"}, forbid=["d=x"])

    assert [str(relation) for relation in joined.require] == ["a < b", "c < a"]
    assert [str(relation) for relation in joined.forbid] == ["d=x"]
    assert joined == joined | left
    with pytest.raises(SearchSpaceError, match="require: a < b: a is x"):
        left | {"a": "x|y"}


def test_narrowed_parents_take_along_what_is_forbidden():
    """What can no longer be is forbidden no more, what always is needs no mention, and some point must be left."""
    assert [str(each) for each in _SPACE.fix(optimizer="adam").forbid] == ["batch_size=32 and n_layers=1"]
    assert [str(each) for each in _SPACE.fix(optimizer="adam").require] == ["n_layers * width <= 4096"]
    assert [str(each) for each in _SPACE.fix(optimizer="sgd").forbid] == [
        "batch_size=32 and n_layers=1",
        "batch_size=512",
    ]
    assert _SPACE.fix(n_layers=3, width=16).require == _SPACE.require
    assert _SPACE.override(width="16..32").require == _SPACE.require
    with pytest.raises(SearchSpaceError, match="forbid batch_size=512 and optimizer=sgd: that leaves no point"):
        _SPACE.fix(optimizer="sgd", batch_size=512)


def test_parts_keep_what_asks_about_them_alone():
    """A relation goes with the first of its parameters."""
    assert str(_SPACE.without("momentum", "batch_size").require[0]) == "n_layers * width <= 4096"
    assert _SPACE.without("momentum", "batch_size").forbid == ()
    assert _SPACE.only("n_layers", "width") == SearchSpace(
        {"n_layers": "1..8", "width": "16..4096 log"}, require=["n_layers * width <= 4096"]
    )
    assert _SPACE.only("width").require == ()


def test_prefixed_and_conditional():
    """Names change in relations, and a condition on all parameters leaves relations as they are."""
    part = SearchSpace({"a": "1..5", "b": "1..5"}, require=["a < b"], forbid=["a=1"])

    prefixed = part.prefixed("encoder-2.")
    joined = SearchSpace({"arch": "mlp|rnn"}) | part.when(arch="mlp")

    assert [str(relation) for relation in (*prefixed.require, *prefixed.forbid)] == [
        "`encoder-2.a` < `encoder-2.b`",
        "encoder-2.a=1",
    ]
    assert joined.size() == 1 + 6
    assert SearchSpace.from_dict(prefixed.to_dict()) == prefixed


def test_relations_may_wait_for_a_space_to_be_joined_with():
    """A part that compares itself with what is elsewhere has points only once that is there."""
    part = SearchSpace({"a": "1..5"}).when("arch=mlp")
    waiting = (SearchSpace({"b": "1..5"}) | {"a": "1..5", "require": ["a < b"]}).when("arch=mlp")

    with pytest.raises(SearchSpaceError, match="conditions ask about arch, which this space lacks"):
        waiting.check_feasible(random.Random(1))
    assert (SearchSpace({"arch": "mlp|cnn"}) | part | waiting).size() == 1 + 10
    assert pickle.loads(pickle.dumps(waiting)) == waiting


def test_choose_keeps_the_relations_of_each():
    """A relation that would bind another alternative too is refused."""
    a = SearchSpace({"x": "1..5", "y": "1..5"}, require=["x < y"])

    assert choose("kind", a=a, b=SearchSpace({"x": "1..5"})).size() == 10 + 5
    assert choose("kind", a=a, b=a).size() == 20
    with pytest.raises(SearchSpaceError, match="require x < y: does not hold in kind=b, which has the same parameters"):
        choose("kind", a=a, b=SearchSpace({"x": "1..5", "y": "1..5"}))


def test_choose_forbids_where_it_was_forbidden():
    """What one alternative forbids of a parameter that another has too is forbidden in the first alone."""
    a, b, c = (SearchSpace({"x": "1..5", own: "1..2"}, forbid=["x=1"][:n]) for own, n in (("a", 1), ("b", 1), ("c", 0)))

    assert choose("kind", a=a, b=b).forbid == a.forbid
    assert [str(each) for each in choose("kind", a=a, b=b, c=c).forbid] == ["kind=a|b and x=1"]
    assert choose("kind", a=a, b=b, c=c).size() == 8 + 8 + 10


def test_speed():
    """Drawing and checking points of a space with relations stays well under a millisecond each."""
    import time

    space = SearchSpace({f"x{k}": "0.0..1" for k in range(30)}, require=["x0 < x1", "x2 * x3 + x4 < 1"], forbid=[])
    rng = random.Random(1)

    start = time.process_time()
    points = [space.sample(rng) for _ in range(500)]
    for point in points:
        space.validate(point)

    assert time.process_time() - start < 0.5


def test_relations_of_constants_and_floats():
    """What a constant is fixed to is compared like any other number."""
    space = SearchSpace({"a": Constant(3), "b": Int(1, 9), "c": Float(0, 1)}, require=["a * c < b"])

    points = [space.sample(random.Random(seed)) for seed in range(50)]

    assert all(3 * point["c"] < point["b"] for point in points)
