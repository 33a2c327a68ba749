"""What became of a search space: how a newer one differs from it, and which of its points are points of the newer one.

    old = SearchSpace({"lr": "1e-4..0.1 log"})
    new = SearchSpace({"lr": "1e-5..0.1 log", "momentum": "0.0..0.9 default 0.0"})
    [change.summary for change in changes(old, new)]    # ["widened", "added"]
    adopt({"lr": 0.01}, old=old, new=new)               # ({"lr": 0.01, "momentum": 0.0}, {})
    carry({"lr": 0.5}, old=old, new=new)                # ({"lr": 0.1, "momentum": 0.0}, {"lr"})

Whoever has evaluated points of the old space can so go on with the new one, and knows beforehand what is lost by it. To
`adopt` a point is to keep it as it is; to `carry` it into a space that is about something alike brings it near.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces.choices import Choices
from search_spaces.distributions import Constant, Distribution, Float, Int
from search_spaces.ranges import format_range
from search_spaces.relations import KEYS, Relations
from search_spaces.rules import point
from search_spaces.scalars import literal, same

if TYPE_CHECKING:
    from search_spaces.space import SearchSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One parameter or relation that is not the same in two spaces. `str()` is a line that tells both spellings."""

    name: str
    """Of the parameter; "require" or "forbid" of a relation, which is only ever added or removed."""
    kinds: tuple[str, ...]
    """Of "added", "removed", "fixed" (to a constant), "freed" (from one), "kind" (a Float became an Int), "widened",
    "narrowed", "choices added", "choices removed", "order" of choices, and the fields that differ: "log", "step",
    "value" of a constant, "condition", "default", ..."""
    before: str | None
    """In the one-line grammar; None where it was added."""
    after: str | None
    choices_added: tuple[str, ...] = ()
    choices_removed: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What tells it from other changes: the parameter's name, or a relation with the key that it stands under."""
        return f"{self.name} {self.after or self.before}" if self.name in KEYS else self.name

    @property
    def summary(self) -> str:
        """What changed, in a few words: `widened, choices added: adagrad|rmsprop`."""
        said = {
            "choices added": f"choices added: {'|'.join(self.choices_added)}",
            "choices removed": f"choices removed: {'|'.join(self.choices_removed)}",
        }
        plain = ("added", "removed", "fixed", "freed", "widened", "narrowed")
        return ", ".join(said.get(kind, kind if kind in plain else f"{kind} changed") for kind in self.kinds)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return {
            "name": self.name,
            "changes": list(self.kinds),
            "before": self.before,
            "after": self.after,
            "choices_added": list(self.choices_added),
            "choices_removed": list(self.choices_removed),
        }

    def __str__(self) -> str:
        if self.after is None:
            return f"{self.name}: removed, was {self.before}"
        return (
            f"{self.name}: added, {self.after}"
            if self.before is None
            else f"{self.name}: {self.before} -> {self.after}"
        )


def changes(old: SearchSpace, new: SearchSpace) -> list[Change]:
    """Return one change for each parameter and relation that is not the same in both, in the order of `old`."""
    found = []
    for name in [*old, *(name for name in new if name not in old)]:
        before, after = _line(old, name), _line(new, name)
        if after is None:
            found.append(Change(name=name, kinds=("removed",), before=before, after=None))
        elif before is None:
            found.append(Change(name=name, kinds=("added",), before=None, after=after))
        elif before != after:
            found.append(_change(name, old, new))
    for key in KEYS:
        had, has = ([str(relation) for relation in getattr(space, key)] for space in (old, new))
        found += [Change(name=key, kinds=("removed",), before=line, after=None) for line in had if line not in has]
        found += [Change(name=key, kinds=("added",), before=None, after=line) for line in has if line not in had]
    return found


def adopt(params: Mapping[str, Any], *, old: SearchSpace, new: SearchSpace) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a point of `old` as one of `new`, and what keeps it from being one, by the label of the `Change`.

    Parameters that `new` lacks are left out. One that the point lacks has its default where `new` gives it a default,
    and a constant is its own. Relations are looked at where parameters have no problem.
    """
    point: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, distribution in new.items():
        condition = new.conditions.get(name)
        if condition is not None and not condition.holds(point):
            continue  # also where its parent has a problem, which is told once
        value, problem = _adopted(name, params, old.get(name), distribution)
        if problem:
            problems[name] = problem
        else:
            point[name] = value
    if not problems:
        problems.update(Relations(new.require, new.forbid).broken(point))
    return point, problems


def carry(params: Mapping[str, Any], *, old: SearchSpace, new: SearchSpace) -> tuple[dict[str, Any], set[str]]:
    """Return the point of `new` that is most like a point of `old`, and the parameters whose value had to move.

    A number outside of its new range is moved to its end, or to the nearest step; a choice that is called otherwise is
    known by what it stands for; where nothing is like the value, and where the point has none, there is the default.
    Relations are not looked at.
    """
    made: dict[str, Any] = {}
    moved: set[str] = set()
    for name, distribution in new.items():
        condition = new.conditions.get(name)
        if condition is not None and not condition.holds(made):
            continue
        made[name] = distribution.default_value()
        if name in params and name in old:
            made[name], is_same = _nearest(params[name], old[name], distribution)
            moved |= set() if is_same else {name}
    return made, moved


def _nearest(value: Any, old: Distribution, new: Distribution) -> tuple[Any, bool]:
    """Return the value of `new` that is most like one of `old`, and whether it is the same."""
    meant = old.value_of(value)
    choices = new.grid(1) if isinstance(new, Choices) else [meant]
    for each in choices:
        if new.contains(each) and same(new.value_of(each), meant):
            return each, True
    if isinstance(new, (Float, Int)) and isinstance(meant, (float, int)) and not isinstance(meant, bool):
        return _moved(meant, new), False
    return new.default_value(), False


def _moved(value: float, into: Float | Int) -> float:
    """Return the value of a range that is nearest to a number."""
    inside = min(max(value, into.low), into.high)
    if into.step is None:
        return inside
    k = min(round((inside - into.low) / into.step), (into.size() or 1) - 1)
    return into.low + k * into.step if isinstance(into, Int) else point(into.low, into.step, k)


def _adopted(
    name: str, params: Mapping[str, Any], old: Distribution | None, new: Distribution
) -> tuple[Any, str | None]:
    if name in params:
        value = params[name]
        problem = new.validate(value)
        if problem is None and old is not None and _named(old, value) != _named(new, value):
            problem = f"{literal(value)} names another value now"
        return value, problem
    if isinstance(new, Constant) or "default" in new.to_dict():
        return new.default_value(), None
    return None, "points made before lack it; a default would stand for it"


def _change(name: str, old: SearchSpace, new: SearchSpace) -> Change:
    """Return how a parameter of both spaces differs."""
    before, after = old[name], new[name]
    kinds: list[str] = []
    added: list[str] = []
    removed: list[str] = []
    if type(before) is not type(after):
        kinds.append("fixed" if isinstance(after, Constant) else "freed" if isinstance(before, Constant) else "kind")
    else:
        if isinstance(before, (Float, Int)) and isinstance(after, (Float, Int)):
            kinds += ["widened"] if after.low < before.low or after.high > before.high else []
            kinds += ["narrowed"] if after.low > before.low or after.high < before.high else []
        elif not isinstance(before, Constant):
            had, has = _choices(before), _choices(after)
            added = [text for text in has if had.get(text) != has[text]]
            removed = [text for text in had if had[text] != has.get(text)]
            kinds += (["choices added"] if added else []) + (["choices removed"] if removed else [])
            kinds += ["order"] if not kinds and list(had) != list(has) else []
        was, now = before.to_dict(), after.to_dict()
        told = ("low", "high", "choices")
        kinds += [key for key in {**was, **now} if key not in told and repr(was.get(key)) != repr(now.get(key))]
    kinds += ["condition"] if old.conditions.get(name) != new.conditions.get(name) else []
    return Change(
        name=name,
        kinds=tuple(kinds),
        before=_line(old, name),
        after=_line(new, name),
        choices_added=tuple(added),
        choices_removed=tuple(removed),
    )


def _line(space: SearchSpace, name: str) -> str | None:
    return format_range(space[name], space.conditions.get(name)) if name in space else None


def _choices(distribution: Distribution) -> dict[str, str]:
    """Return the spelling of each choice, and what it names."""
    return {literal(choice): _named(distribution, choice) for choice in distribution.grid(1)}


def _named(distribution: Distribution, value: Any) -> str:
    """Return, as JSON, what a value is a name of; nothing when it stands for itself."""
    is_named = isinstance(distribution, Choices) and distribution.is_named
    return json.dumps(distribution.value_of(value), sort_keys=True) if is_named else ""
