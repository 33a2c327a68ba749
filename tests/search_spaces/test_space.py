"""A search space is a value: it samples, validates, composes and survives every round trip."""

from __future__ import annotations

import copy
import json
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import search_spaces
from search_spaces import (
    Categorical,
    Condition,
    Constant,
    Float,
    Int,
    Ordinal,
    SearchSpace,
    SearchSpaceError,
    choose,
    cnn,
    mlp,
)
from tests import strategies
from tests.benchmarks.spaces import seconds_to_sample, seconds_to_validate

_SPACE = SearchSpace(
    {
        "arch": Categorical(["mlp", "cnn"]),
        "lr": Float(1e-5, 1e-1, log=True),
        "cnn.width": Int(8, 64, log=True),
        "cnn.norm": "none|group",
        "cnn.groups": "2|4 when cnn.norm=group",
        "epochs": 3,
    },
    when={"cnn.width": {"arch": "cnn"}, "cnn.norm": "arch=cnn", "cnn.groups": {"arch": ["cnn"]}},
)
_MLP = {"arch": "mlp", "lr": 0.01, "epochs": 3}
_CNN = {"arch": "cnn", "lr": 0.01, "epochs": 3, "cnn.width": 16, "cnn.norm": "group", "cnn.groups": 2}


def test_is_a_mapping_with_parents_first():
    """Names map to distributions in the order given, except that parents come before children."""
    space = SearchSpace({"x": "1..2 when arch=cnn", "lr": "0.0..1", "arch": "mlp|cnn"})

    assert list(space) == ["arch", "x", "lr"]
    assert space["x"] == Int(1, 2)
    assert len(space) == 3
    assert "lr" in space
    assert "y" not in space
    assert dict(space.conditions) == {"x": Condition.of({"arch": "cnn"})}


def test_accepts_every_form_of_a_parameter():
    """A distribution, a line, plain data and a value are all the same parameter."""
    written = SearchSpace({"n": "1..6", "c": "=0.5", "k": "1|2 when n=3"})
    made = SearchSpace(
        {"n": {"type": "int", "low": "1", "high": 6}, "c": 0.5, "k": Categorical([1, 2])}, when={"k": {"n": 3}}
    )

    assert written == made
    assert SearchSpace(written) == written


@pytest.mark.parametrize(
    ("parameters", "when", "problems"),
    [
        (["lr"], None, ['a search space must map parameter names to ranges, such as "lr: 1e-5..1e-1 log", got']),
        ({"lr": "1..0"}, None, ["lr: cannot read '1..0': low 1 is above high 0: swap them"]),
        ({"lr": None}, None, ["lr: there is no range; write one"]),
        ({"opt": ["a", "b"]}, None, ["opt: must be a range such as", "'choices': ['a', 'b']"]),
        ({"opt": object}, None, ["opt: must be a range such as"]),
        ({"lr": {"low": 1}}, None, ["lr: there is no type; it must be one of float, int, categorical, ordinal, "]),
        ({"lr": {"type": "flaot"}}, None, ["lr: type must be one of float, ", "got 'flaot'; did you mean 'float'?"]),
        ({"lr": {"type": ["int"]}}, None, ["lr: type must be one of float, ", "got ['int']"]),
        ({"lr": {"type": "float", "low": 0}}, None, ["lr: float needs the field 'high', which is missing"]),
        (
            {"lr": {"type": "float", "low": 0, "hihg": 1, "high": 1}},
            None,
            ["lr: unknown field 'hihg'; did you mean 'high'?"],
        ),
        ({"lr": {"type": "float", "low": "a", "high": 1}}, None, ["lr: low must be a number, got 'a'"]),
        ({"lr": "0.0..1"}, {"lrr": {"lr": 1}}, ["lrr: when names a parameter that is not there; did you mean 'lr'?"]),
        ({"lr": "0.0..1"}, ["lr"], ["when must map parameter names to conditions, got ['lr']"]),
        ({"": 1}, None, ["parameter name '' must be made of letters"]),
        ({"../x": 1}, None, ["parameter name '../x' must be made of letters"]),
        ({"a..b": 1}, None, ["parameter name 'a..b' must be made of letters"]),
        ({"-x": 1}, None, ["parameter name '-x' must be made of letters"]),
        ({"é": 1}, None, ["parameter name 'é' must be made of letters"]),
        ({5: 1}, None, ["parameter name 5 must be made of letters"]),
        ({"x" * 251: 1}, None, ["parameter name 'xxx", "has 251 characters; at most 250 are allowed"]),
        ({"mlflow.x": 1}, None, ["parameter name 'mlflow.x' begins with a reserved prefix (mlflow., automl.)"]),
    ],
)
def test_refuses_what_is_no_space(parameters, when, problems):
    """Each mistake names the parameter, what was seen and what to write."""
    with pytest.raises(SearchSpaceError) as caught:
        SearchSpace(parameters, when=when)

    (seen,) = caught.value.problems
    assert seen.startswith(problems[0])
    assert all(problem in seen for problem in problems)


def test_reports_all_problems_at_once():
    """One run is enough to see every mistake."""
    with pytest.raises(SearchSpaceError) as caught:
        SearchSpace({"a": "2..1", "b": {"type": "int", "low": 1.5, "high": True}, "c": "1..2 when d=1"})

    assert [problem.split(":")[0] for problem in caught.value.problems] == ["a", "b", "b", "c"]
    assert str(caught.value) == "\n".join(caught.value.problems)
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_validates_points():
    """A point has exactly the parameters that exist there, each within its range."""
    _SPACE.validate(_MLP)
    _SPACE.validate(_CNN)
    SearchSpace().validate({})


@pytest.mark.parametrize(
    ("params", "problems"),
    [
        ({**_MLP, "lr": 1}, ["lr: 1 is outside 1e-05..0.1 log"]),
        ({**_MLP, "epochs": 4}, ["epochs: must be 3, got 4"]),
        ({**_MLP, "cnn.width": 16}, ["cnn.width: exists only when arch=cnn; leave it out"]),
        (
            {"arch": "cnn", "l_r": 0.1, "cnn.width": 7, "cnn.norm": "none", "epochs": 3, "cnn.groups": 2},
            [
                "lr: missing; give a value in 1e-05..0.1 log",
                "cnn.width: 7 is outside 8..64 log",
                "cnn.groups: exists only when arch=cnn and cnn.norm=group; leave it out",
                "l_r: unknown parameter; did you mean 'lr'?",
            ],
        ),
        ({**_CNN, "arch": "cn"}, ["arch: must be one of mlp|cnn, got 'cn'; did you mean 'cnn'?"]),
        (
            {key: value for key, value in _CNN.items() if key != "cnn.norm"} | {"cnn.groups": 3},
            ["cnn.norm: missing; give a value in none|group", "cnn.groups: must be one of 2|4, got 3"],
        ),
        ({"lr": 0.01, "epochs": 3}, ["arch: missing; give a value in mlp|cnn"]),
        ([1], ["params must map names to values, got [1]"]),
    ],
)
def test_names_every_problem_of_a_point(params, problems):
    """Missing, unknown, not existing and out of range come at once; what hangs on a wrong parent is not judged."""
    with pytest.raises(SearchSpaceError) as caught:
        _SPACE.validate(params)

    assert list(caught.value.problems) == problems


def test_an_alternative_that_holds_leaves_no_doubt():
    """Where one alternative holds, what another asks about may be wrong: the parameter exists all the same."""
    space = SearchSpace({"arch": "mlp|cnn", "n": "1..3", "k": "1..9 when arch=mlp or n>=2"})

    with pytest.raises(SearchSpaceError) as missing:
        space.validate({"arch": "mlp", "n": 7})
    with pytest.raises(SearchSpaceError) as doubtful:
        space.validate({"arch": "cnn", "n": 7})
    with pytest.raises(SearchSpaceError) as absent:
        space.validate({"arch": "cnn", "n": 1, "k": 3})

    assert missing.value.problems == ("n: 7 is outside 1..3", "k: missing; give a value in 1..9")
    assert doubtful.value.problems == ("n: 7 is outside 1..3",)
    assert absent.value.problems == ("k: exists only when arch=mlp or n>=2; leave it out",)


def test_active():
    """The parameters that exist follow from the values of those above them, whatever else is given."""
    assert _SPACE.active({"arch": "mlp", "cnn.norm": "group"}) == ["arch", "lr", "epochs"]
    assert _SPACE.active({"arch": "cnn", "cnn.norm": "group"}) == list(_SPACE)
    assert _SPACE.active({}) == ["arch", "lr", "epochs"]


def test_samples_are_repeatable():
    """The state of the generator alone decides."""
    first = [_SPACE.sample(random.Random(5)) for _ in range(3)]
    rng = random.Random(5)

    assert first[0] == first[1] == first[2]
    assert len({str(_SPACE.sample(rng)) for _ in range(20)}) > 10
    assert {_SPACE.sample(rng)["arch"] for _ in range(40)} == {"mlp", "cnn"}


@given(strategies.spaces(), st.integers(0, 2**32))
def test_every_sample_validates(space, seed):
    """A sample is a point of the space, and holds exactly the parameters that exist there."""
    params = space.sample(random.Random(seed))

    space.validate(params)
    assert space.active(params) == list(params)


@given(strategies.spaces(), st.integers(0, 2**31))
def test_optuna_suggests_points_of_the_space(space, seed):
    """Define-by-run with a real Optuna trial gives a valid point, and asks for all but constants."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))

    trial = study.ask()
    params = space.suggest(trial)

    space.validate(params)
    assert set(trial.params) == {name for name in params if not isinstance(space[name], Constant)}


@given(strategies.whole_spaces())
def test_round_trips(space):
    """Text, data, JSON, Python's spelling, pickle and copy all give an equal space of one fingerprint."""
    relations = {"require": space.require, "forbid": space.forbid}

    copies = [
        SearchSpace.parse(str(space)),
        SearchSpace(space.lines()),
        SearchSpace.from_dict(space.to_dict()),
        SearchSpace.from_dict(json.loads(json.dumps(space.to_dict()))),
        eval(repr(space)),
        pickle.loads(pickle.dumps(space)),
        copy.deepcopy(space),
        SearchSpace(space),
        SearchSpace(dict(space), when=space.conditions, **relations),
        SearchSpace(dict(reversed(list(space.items()))), when=space.conditions, **relations),
    ]

    for other in copies:
        assert other == space
        assert hash(other) == hash(space)
        assert other.fingerprint() == space.fingerprint()
        assert space.diff(other) == []


@given(strategies.spaces(min_size=1), strategies.distributions)
def test_a_change_shows(space, distribution):
    """Two spaces that differ in one parameter have other fingerprints, and one line tells the difference."""
    name = list(space)[-1]
    other = SearchSpace({**space, name: distribution}, when=space.conditions)

    assert (other == space) == (distribution == space[name])
    assert (other.fingerprint() == space.fingerprint()) == (other == space)
    assert len(space.diff(other)) == (other != space)


@settings(max_examples=3)
@given(st.lists(strategies.whole_spaces(), min_size=5, max_size=30))
def test_fingerprint_is_the_same_in_every_process(spaces):
    """Another process with another hash seed computes the same, of spaces that it reads or that are sent to it."""
    code = (
        "import json, pickle, sys; from search_spaces import SearchSpace;"
        "texts, sent = pickle.load(sys.stdin.buffer);"
        "print(json.dumps([each.fingerprint() for each in [*map(SearchSpace.parse, texts), *sent]]))"
    )
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"

    other = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(([str(space) for space in spaces], spaces)),
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=Path(search_spaces.__file__).parents[1],
    )

    assert json.loads(other.stdout) == [space.fingerprint() for space in spaces] * 2


@pytest.mark.parametrize(
    ("space", "fingerprint"),
    [
        (_SPACE, "4d6e4a6680d2188c53c50a280809b794eaaa57d2b7b953ae3bf00a9e5e3bf1a4"),
        (SearchSpace(), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        (
            SearchSpace({"x": "0.0..1 step 0.1 default 0.3", "n": "1..64 log prior 8 high", "k": "0..30 step 5"}),
            "4435c38b0c5050ab6dab2d2c0d1378da4dca6dbb4e00dcb01b8af44c5d423926",
        ),
        (
            SearchSpace({"a": 'adam|"1"|true|null|-0.5', "o": "1<2<4 default 2", "c": "=0.1"}),
            "900ac2f5f60b843691a2d97499ec3b87d046da0b7242987dbea54f611becf54d",
        ),
        (
            SearchSpace({"layers": 'small=[64, 64]|big={"width": 256}', "s": "tiny=1<huge=100 prior huge low"}),
            "fc1cb14dcc0c2c97e9248deb2145778b0f12ae47f66e46008020c97b8d128231",
        ),
        (
            SearchSpace({"a": "x|y|z", "n": "1..9", "r": "0.0..1 when a=x|y and n>=2 or a=z and n=3..5"}),
            "9aae207c22ae9942b41fd30d6ee653f590f3d2cd2e1daee40f3a90e2974aa864",
        ),
        (
            SearchSpace({"a": "1..9", "b.c-d": "1..9"}, require=["a * `b.c-d`<=10"], forbid=[{"a": 1, "b.c-d": 2}]),
            "aca8c63c320b37f1dca6712cfe9f3e6a08e03c6faa224b4892f800bf7e0567db",
        ),
    ],
)
def test_fingerprints_of_old(space, fingerprint):
    """A changed digit here would lose every study that was made before."""
    assert space.fingerprint() == fingerprint


def test_never_changes():
    """What looks like a change is refused or gives another space."""
    with pytest.raises(AttributeError, match="a SearchSpace never changes"):
        _SPACE.lr = Float(0, 1)  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        _SPACE["lr"] = Float(0, 1)  # type: ignore[index]
    with pytest.raises(TypeError):
        _SPACE.conditions["lr"] = Condition.of({"arch": "cnn"})  # type: ignore[index]


def test_diff():
    """One readable line for each parameter that was added, removed or changed."""
    other = _SPACE.without("epochs") | {"lr": "1e-5..1 log", "cnn.groups": "2|4 when arch=cnn", "seed": "0..9"}

    assert [str(change) for change in _SPACE.diff(other)] == [
        "lr: 1e-05..0.1 log -> 1e-05..1 log",
        "cnn.groups: 2|4 when arch=cnn and cnn.norm=group -> 2|4 when arch=cnn",
        "epochs: removed, was =3",
        "seed: added, 0..9",
    ]


def test_or_lets_the_right_one_win():
    """Distribution and condition come from the right; a mapping may ask about parents on the left."""
    space = _SPACE | SearchSpace({"lr": "0.0..1"}) | {"cnn.width": "1..4", "mlp.width": "1..9 when arch=mlp"}

    assert space["lr"] == Float(0, 1)
    assert space["cnn.width"] == Int(1, 4)
    assert space.conditions.get("cnn.width") is None
    assert space.conditions["mlp.width"] == Condition.of({"arch": "mlp"})
    assert space.conditions["cnn.norm"] == _SPACE.conditions["cnn.norm"]
    with pytest.raises(TypeError):
        _SPACE | 3  # type: ignore[operator]


def test_fewer_choices_take_along_what_can_no_longer_exist():
    """`|` with an architecture less is a space without its parameters, to any depth."""
    assert list(_SPACE | {"arch": "mlp"}) == ["arch", "lr", "epochs"]
    assert (_SPACE | {"arch": "cnn"}).conditions == {"cnn.groups": Condition.of({"cnn.norm": "group"})}
    assert "cnn.groups" not in _SPACE | {"cnn.norm": "none|"}


def test_other_choices_must_fit_the_conditions():
    """A parent with new choices that lack an old one is no narrowing but perhaps a typing error."""
    with pytest.raises(SearchSpaceError, match=r"cnn.width: exists when arch=cnn, but arch is mlp\|cn, never cn"):
        _SPACE | {"arch": "mlp|cn"}


def test_or_reports_what_does_not_fit():
    """A right side that makes a cycle or asks about nobody is refused."""
    with pytest.raises(SearchSpaceError, match=r"cycle: arch -> cnn\.norm -> arch"):
        _SPACE | {"arch": "mlp|cnn when cnn.norm=group"}
    with pytest.raises(SearchSpaceError, match="there is no parameter 'acrh'; did you mean 'arch'"):
        _SPACE | {"x": "1..2 when acrh=cnn"}


def test_override_keeps_conditions():
    """Only the distribution changes, unless a new condition is given."""
    space = _SPACE.override({"cnn.width": "16..32", "cnn.norm": "none|group when arch=cnn"}, lr="1e-4..1e-2 log")

    assert space["cnn.width"] == Int(16, 32)
    assert space.conditions["cnn.width"] == Condition.of({"arch": "cnn"})
    assert space["lr"] == Float(1e-4, 1e-2, log=True)
    with pytest.raises(SearchSpaceError, match="lrr: unknown parameter; did you mean 'lr'"):
        _SPACE.override(lrr="1..2")


def test_fix():
    """A fixed parameter is a constant; what hangs on its other values goes."""
    space = _SPACE.fix({"cnn.norm": "none"}, lr=0.01, arch="cnn")

    assert space == SearchSpace(
        {"arch": "=cnn", "lr": "=0.01", "cnn.width": "8..64 log", "cnn.norm": "=none", "epochs": 3}
    )
    with pytest.raises(SearchSpaceError) as caught:
        _SPACE.fix(lr=1, arch="cn")
    assert len(caught.value.problems) == 2


_BRANCHED = SearchSpace(
    {
        "arch": "mlp|cnn",
        "n": "1..6",
        "lr": "0.0..1",
        "a": "1|2 when n>=3",
        "b": "1..2 when a=1 and n<=3",
        "c": "1..2 when arch=mlp or n>=5 and lr>0.5",
        "d": "1..2 when arch=cnn or a=2",
    }
)


@pytest.mark.parametrize(
    ("fixed", "conditions"),
    [
        ({"arch": "mlp"}, {"a": "n>=3", "b": "a=1 and n<=3", "d": "a=2"}),
        ({"arch": "cnn"}, {"a": "n>=3", "b": "a=1 and n<=3", "c": "lr>0.5 and n>=5"}),
        ({"n": 2}, {"c": "arch=mlp", "d": "arch=cnn"}),
        ({"n": 3}, {"b": "a=1", "c": "arch=mlp", "d": "a=2 or arch=cnn"}),
        ({"lr": 0.5}, {"a": "n>=3", "b": "a=1 and n<=3", "c": "arch=mlp", "d": "a=2 or arch=cnn"}),
        ({"n": 6, "lr": 0.6}, {"d": "a=2 or arch=cnn"}),
        ({"a": 2}, {"a": "n>=3", "c": "arch=mlp or lr>0.5 and n>=5", "d": "a=2 or arch=cnn"}),
    ],
)
def test_fixed_parents_leave_the_alternatives_that_can_hold(fixed, conditions):
    """Of each condition only what is still open stays; nothing is left of one that always or never holds."""
    space = _BRANCHED.fix(fixed)

    assert {name: str(condition) for name, condition in space.conditions.items()} == conditions


def test_fewer_values_take_along_what_is_out_of_reach():
    """Each parent has a value that is asked for, but no value serves both ways that lead to b."""
    assert list(_BRANCHED.override(n="1|4|6")) == ["arch", "n", "lr", "a", "c", "d"]
    with pytest.raises(SearchSpaceError, match="b: can never exist: it needs a=1, and a exists only when n>=5"):
        _BRANCHED | {"a": "1|2 when n>=5"}


def test_conditions_of_every_shape_are_renamed_and_chosen():
    """Alternatives and intervals survive new names and one more condition on all."""
    part = SearchSpace({"n": "1..6", "x": "0.0..1", "k": "1..2 when n>=3 or x<=0.5"})

    space = choose("kind", a=part.prefixed("p."), b=SearchSpace({"z": "1..2"})).when(root={">": 2})

    assert str(space.conditions["p.k"]) == "kind=a and p.n>=3 and root>2 or kind=a and p.x<=0.5 and root>2"
    assert str(space.conditions["z"]) == "kind=b and root>2"


def test_only_and_without():
    """Parts of a space are spaces, so what they need must be among them."""
    assert list(_SPACE.only("cnn.width", "arch")) == ["arch", "cnn.width"]
    assert list(_SPACE.without("lr", "cnn.groups")) == ["arch", "cnn.width", "cnn.norm", "epochs"]
    with pytest.raises(SearchSpaceError, match=r"cnn\.width: exists when arch=cnn, but there is no parameter 'arch'"):
        _SPACE.only("cnn.width")
    with pytest.raises(SearchSpaceError, match=r"cnn\.groups: exists when cnn\.norm=group, but there is no parameter"):
        _SPACE.without("cnn.norm")
    with pytest.raises(SearchSpaceError, match="wdith: unknown parameter"):
        _SPACE.only("wdith")


def test_prefixed():
    """Names change in conditions too; parents outside keep theirs."""
    space = SearchSpace({"a": "1..2", "b": "3..4 when a=1"})

    assert space.prefixed("x.") == SearchSpace({"x.a": "1..2", "x.b": "3..4 when x.a=1"})
    joined = SearchSpace({"side": "l|r"}) | space.when(side="l").prefixed("x.")
    assert str(joined.conditions["x.b"]) == "side=l and x.a=1"
    with pytest.raises(SearchSpaceError, match="reserved prefix"):
        space.prefixed("mlflow.")


def test_when_waits_for_its_parent():
    """Parameters with one more condition have points only once joined with the parent it asks about."""
    part = (
        SearchSpace({"w": "1..9", "b": "true|false"}, when={"b": {"w": 3}}).when(arch=["cnn", "rnn"]).when("arch=cnn")
    )

    space = SearchSpace({"arch": "mlp|cnn"}) | part

    assert {name: str(condition) for name, condition in space.conditions.items()} == {
        "w": "arch=cnn",
        "b": "arch=cnn and w=3",
    }
    for use in (part.size, lambda: part.sample(random.Random(1)), lambda: part.validate({}), lambda: part.grid(1)):
        with pytest.raises(SearchSpaceError, match="conditions ask about arch, which this space lacks"):
            use()
    assert pickle.loads(pickle.dumps(part)) == part
    with pytest.raises(SearchSpaceError, match="w: exists when arch=cnn, but arch is mlp"):
        SearchSpace({"arch": "mlp|rnn"}) | part
    with pytest.raises(SearchSpaceError, match="when must map parents to values"):
        part.when()


def test_choose_is_the_joining_by_hand():
    """One of several spaces, and which one, in a single call."""
    by_hand = SearchSpace({"arch": Categorical(["mlp", "cnn"])}) | mlp().when(arch="mlp") | cnn().when(arch="cnn")

    assert choose("arch", mlp=mlp(), cnn=cnn()) == by_hand
    assert choose("arch", {"mlp": mlp()}, cnn=cnn()) == by_hand


def test_choose_one_is_a_constant():
    """With a single alternative there is nothing to choose and nothing conditional."""
    assert choose("arch", cnn=cnn()) == SearchSpace({"arch": Constant("cnn")}) | cnn()


def test_choose_with_something_in_common():
    """What alternatives share exists for each of them; the same name for two things is refused."""
    a, b, c = (SearchSpace({"drop": "0.0..1", own: "1..2"}) for own in ("a", "b", "c"))

    space = choose("kind", a=a, b=b, c=c.without("drop"))

    assert str(space.conditions["drop"]) == "kind=a|b"
    assert choose("kind", a=a, b=b).conditions.keys() == {"a", "b"}
    with pytest.raises(SearchSpaceError, match="drop: is another one in kind=b"):
        choose("kind", a=a, b=SearchSpace({"drop": "1..2"}))
    with pytest.raises(SearchSpaceError, match="own: is another one in kind=b"):
        choose("kind", a=SearchSpace({"own": "1..2"}), b=SearchSpace({"drop": "0|1", "own": "1..2 when drop=1"}))
    with pytest.raises(SearchSpaceError, match="kind: is another one in kind=a"):
        choose("kind", a=SearchSpace({"kind": "1..2"}), b=b)
    with pytest.raises(SearchSpaceError, match="at least one alternative"):
        choose("kind")


def test_speed():
    """Of a conditional space of 30 parameters, 10,000 points are drawn in a second, and each is checked in 50 us."""
    sampling = min(seconds_to_sample(1000, seed=1) for _ in range(5))
    checking = min(seconds_to_validate(1000, seed=1) for _ in range(5))

    assert sampling < 1000 / 10_000
    assert checking < 50e-6


def test_shows_itself():
    """str has a line of the grammar for each parameter, repr can be pasted back."""
    space = SearchSpace({"arch": "mlp|cnn", "width": "8..64 log when arch=cnn"})

    assert str(space) == "arch: mlp|cnn\nwidth: 8..64 log when arch=cnn"
    assert repr(space) == "SearchSpace({\n    'arch': 'mlp|cnn',\n    'width': '8..64 log when arch=cnn',\n})"
    assert repr(SearchSpace()) == "SearchSpace()"


def test_the_default_point():
    """Each parameter that exists at it has its default, else its prior, else its middle."""
    space = SearchSpace(
        {
            "arch": "mlp|cnn default cnn",
            "lr": "1e-5..1e-1 log prior 1e-2",
            "depth": "1..5 when arch=cnn",
            "n": "2 when arch=mlp",
        }
    )

    point = space.default()

    assert point == {"arch": "cnn", "lr": 1e-2, "depth": 3}
    assert space.has_guess
    assert not space.only("arch").override(arch="mlp|cnn").has_guess


def test_values_of_named_choices():
    """Names become fresh values, all else stays, and what is no name is refused."""
    space = SearchSpace({"layers": "small=[64, 64]|big=[256]", "lr": "0.0..1.0"})

    values = space.values_of({"layers": "small", "lr": 0.5})
    values["layers"].append(9)

    assert space.values_of({"layers": "small"}) == {"layers": [64, 64]}
    assert values["lr"] == 0.5
    with pytest.raises(SearchSpaceError, match="must be one of small"):
        space.values_of({"layers": "huge"})


@given(strategies.spaces())
def test_the_default_point_is_one_of_the_space(space):
    """Whatever the conditions, defaults and priors; where relations forbid it, it can be repaired."""
    space.validate(space.repair(space.default(), random.Random(1)))


def test_fixed_names_keep_their_values():
    """A named choice that is fixed still stands for its value, and takes along what other names have."""
    space = SearchSpace(
        {"layers": "small=[64, 64]|big=[256]", "a": "1..2 when layers=small", "b": "1..2 when layers=big"}
    )

    fixed = space.fix(layers="small", a=1)

    assert fixed.keys() == {"layers", "a"}
    assert fixed.values_of(fixed.default()) == {"layers": [64, 64], "a": 1}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"t": 16, "l": 64}, {"l": 64, "t": 16}),
        ({"t": {"x": 1, "y": 2}, "l": 0}, {"t": {"y": 2, "x": 1}, "l": 0}),
        ({"t": 1, "l": 0}, {"t": 1.0, "l": 0}),
    ],
)
def test_unequal_named_choices_have_fingerprints_of_their_own(one, other):
    """The order of named values, and of what they are made of, tells spaces and fingerprints apart."""
    spaces = [SearchSpace({"width": Ordinal(choices)}) for choices in (one, other)]

    assert spaces[0] != spaces[1]
    assert spaces[0].fingerprint() != spaces[1].fingerprint()
    assert spaces[0].fingerprint() == SearchSpace.parse(str(spaces[0])).fingerprint()


def test_choose_takes_spaces_alone():
    """An alternative that is no space is named with what was seen."""
    with pytest.raises(SearchSpaceError, match=r"arch=mlp must be a SearchSpace, got \{'n': '1..2'\}"):
        choose("arch", mlp={"n": "1..2"}, cnn=SearchSpace())


def test_names_given_as_a_list_are_refused():
    """A list where names stand one by one is an unknown name, told like any other."""
    with pytest.raises(SearchSpaceError, match=r"\['lr'\]: unknown parameter"):
        _SPACE.only(["lr"])
