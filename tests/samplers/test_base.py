"""What was not tried yet: new candidates first, then chance, then whatever is left."""

from __future__ import annotations

from automl.samplers import Untried
from automl.trial import TrialRecord, TrialState
from search_spaces import SearchSpace


def test_new_candidates_are_taken_and_old_ones_are_not() -> None:
    """The first candidate that was not proposed before wins; what was proposed in an earlier run counts."""
    tried = TrialRecord(number=0, state=TrialState.FAIL, params={"n": 1, "x": 0.5})
    untried = Untried(SearchSpace({"n": "1..3", "x": "0.0..1.0"}), seed=1, records=[tried])

    chosen = untried.choose(1, [{"n": 1, "x": 0.5}, {"n": 2, "x": 0.5}, {"n": 3, "x": 0.5}])
    drawn = untried.choose(2, [{"n": 2, "x": 0.5}])

    assert chosen == {"n": 2, "x": 0.5}
    assert drawn not in (None, chosen)


def test_the_last_point_is_found_where_chance_would_not() -> None:
    """It lies below ten conditions, where one random draw in a thousand comes; then there is none."""
    parameters = {"p0": "a|b"} | {f"p{i}": f"a|b when p{i - 1}=b" for i in range(1, 10)}
    untried = Untried(SearchSpace(parameters), seed=1)

    points = [untried.choose(number) for number in range(12)]

    assert len({str(point) for point in points[:11]}) == 11
    assert {f"p{i}": "b" for i in range(10)} in points
    assert points[11] is None


def test_steps_are_the_same_point_in_whatever_digits() -> None:
    """0.1 + 0.2 is 0.3: a sampler that adds steps in binary does not make a point new."""
    untried = Untried(SearchSpace({"x": "0.1..0.3 step 0.1"}), seed=1)

    points = [untried.choose(0, [{"x": 0.1 + 0.2}]), untried.choose(1, [{"x": 0.3}]), untried.choose(2)]

    assert sorted(round(point["x"], 9) for point in points if point) == [0.1, 0.2, 0.3]
    assert untried.choose(3) is None
