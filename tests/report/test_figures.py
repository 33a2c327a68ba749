"""The figures: what they show, that nothing odd in names or values breaks them, and that a browser draws them."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

from automl.ledger.rows import StudyRow
from automl.report import figures
from automl.trial import TrialRecord, TrialState
from search_spaces import Categorical, Float, SearchSpace
from tests import strategies
from tests.chromium import browser
from tests.report.conftest import MakeStudy

COMPLETE, PRUNED = TrialState.COMPLETE, TrialState.PRUNED
__all__ = ["browser"]

NAMES = ["figures/history.html", "figures/importance.html", "figures/parallel_coordinates.html"]
NASTY = "</script><b>x</b> &amp; %{y} $\\alpha$ \u65e5\u672c"


def made_of(space: SearchSpace, seed: int = 0, n: int = 12) -> list[TrialRecord]:
    """Return `n` trials at random points, all with values."""
    rng = random.Random(seed)
    return [
        TrialRecord(number=i, state=COMPLETE, params=space.sample(rng), value=rng.random(), attempt=1) for i in range(n)
    ]


class TestWrite:
    """The files."""

    def test_three_files_that_hold_all_they_need(
        self, records: list[TrialRecord], space: SearchSpace, make_study: MakeStudy, tmp_path: Path
    ) -> None:
        """Each figure is one page with plotly inside, under the name it gets in the tracker."""
        found = figures.write(records, make_study(space), tmp_path)

        assert list(found) == NAMES
        for name, path in found.items():
            text = path.read_text(encoding="utf-8")
            assert path == tmp_path / name
            assert "plotly.js v" in text
            assert '<script src="' not in text

    def test_a_study_without_values_has_no_figures(
        self, space: SearchSpace, make_study: MakeStudy, tmp_path: Path
    ) -> None:
        """What makes no sense yet is left out."""
        record = TrialRecord(number=0, state=TrialState.FAIL, params={"lr": 0.1}, reports={1: math.nan})

        assert figures.write([], make_study(space), tmp_path) == {}
        assert figures.write([record], make_study(space), tmp_path) == {}

    def test_one_trial_has_a_history_only(self, space: SearchSpace, make_study: MakeStudy, tmp_path: Path) -> None:
        """A single trial compares with nothing."""
        assert list(figures.write(made_of(space, n=1), make_study(space), tmp_path)) == NAMES[:1]

    def test_importing_it_is_cheap(self) -> None:
        """Neither plotly nor optuna is loaded before a figure is drawn."""
        code = "import sys, automl.report.figures; print({'plotly', 'optuna', 'sklearn', 'numpy'} & set(sys.modules))"

        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_root())

        assert printed.stdout.strip() == "set()"


class TestHistory:
    """Values by trial."""

    def test_the_best_so_far_is_of_complete_trials(self, space: SearchSpace, make_study: MakeStudy) -> None:
        """A trial that was cut is shown faintly at its last value and never counts as the best."""
        values = {0: 3.0, 1: None, 2: 2.0, 3: 5.0, 4: None}
        records = [
            TrialRecord(number=n, state=PRUNED if v is None else COMPLETE, params={}, value=v, reports={1: 0.1 * n})
            for n, v in values.items()
        ]

        figure = figures.history(records, make_study(space))

        best, complete, others = figure.data
        assert (list(best.x), list(best.y)) == ([0, 2, 4], [3.0, 2.0, 2.0])
        assert (list(complete.x), list(complete.y)) == ([0, 2, 3], [3.0, 2.0, 5.0])
        assert (list(others.x), list(others.y)) == ([1, 4], [0.1, 0.4])

    def test_higher_may_be_better(self, space: SearchSpace, make_study: MakeStudy) -> None:
        """The direction decides what the best is."""
        records = [TrialRecord(number=n, state=COMPLETE, params={}, value=v) for n, v in enumerate([0.5, 0.4, 0.9])]

        figure = figures.history(records, make_study(space, direction="maximize"))

        assert list(figure.data[0].y) == [0.5, 0.9, 0.9]

    def test_hovering_shows_the_params(
        self, records: list[TrialRecord], space: SearchSpace, make_study: MakeStudy
    ) -> None:
        """Each point says which trial it is and what it was given."""
        figure = figures.history(records, make_study(space))

        first = records[1]
        assert "trial 1" in figure.data[1].hovertext[0]
        assert f"dropout = {first.params['dropout']:.5g}" in figure.data[1].hovertext[0]

    @pytest.mark.parametrize(
        ("values", "kind"), [([1.0, 2.0], "linear"), ([1e-3, 50.0], "log"), ([-1.0, 1e6], "linear")]
    )
    def test_decades_need_a_log_axis(
        self, values: list[float], kind: str, space: SearchSpace, make_study: MakeStudy
    ) -> None:
        """Values above 0 that span three decades are drawn on a log axis."""
        records = [TrialRecord(number=n, state=COMPLETE, params={}, value=v) for n, v in enumerate(values)]

        assert figures.history(records, make_study(space)).layout.yaxis.type == kind


class TestImportances:
    """Importance as bars."""

    def test_the_method_is_named(self, records: list[TrialRecord], space: SearchSpace, make_study: MakeStudy) -> None:
        """The title says what the numbers are; each set of trials is a colour of its own."""
        figure = figures.importances(records, make_study(space), space)

        assert figure.layout.title.text == "<b>Importance of params for loss</b>"
        assert "share of variance explained (fANOVA)" in figure.layout.title.subtitle.text
        assert figure.data[0].name == "10 trials"
        assert {trace.name.partition(": ")[2] for trace in figure.data} == {"", "arch=cnn", "arch=mlp"}
        assert len({trace.marker.color for trace in figure.data}) == 3
        assert sorted(figure.layout.yaxis.ticktext) == sorted(space)


class TestParallelCoordinates:
    """One line a trial."""

    def test_a_param_that_does_not_exist_has_a_place_of_its_own(
        self, records: list[TrialRecord], space: SearchSpace, make_study: MakeStudy
    ) -> None:
        """Trials without a width meet below its range, at a tick that says so."""
        figure = figures.parallel_coordinates(records, make_study(space), space)

        axis = {axis.label: axis for axis in figure.data[0].dimensions}["cnn.width"]
        bottom = axis.range[0]
        cnns = sum(record.params["arch"] == "cnn" for record in records)
        assert bottom < 8
        assert axis.ticktext[list(axis.tickvals).index(bottom)] == "\u2013"
        assert sum(value > bottom for value in axis["values"]) == cnns

    def test_axes_are_on_the_scale_of_the_search(
        self, records: list[TrialRecord], space: SearchSpace, make_study: MakeStudy
    ) -> None:
        """A log param has a log axis with its values as ticks; a categorical one has its choices."""
        figure = figures.parallel_coordinates(records, make_study(space), space)

        axes = {axis.label: axis for axis in figure.data[0].dimensions}
        assert list(axes)[-2:] == ["step", "loss"]
        assert list(axes["lr"].range) == [-4, -1]
        assert list(axes["lr"].ticktext) == ["0.0001", "0.001", "0.01", "0.1"]
        assert list(axes["arch"].ticktext) == ["mlp", "cnn"]
        assert sorted(round(10**value, 9) for value in axes["lr"]["values"]) == sorted(
            round(float(record.params["lr"]), 9) for record in records
        )

    def test_the_best_is_darkest_and_on_top(
        self, records: list[TrialRecord], space: SearchSpace, make_study: MakeStudy
    ) -> None:
        """Lines are sorted from worst to best, and the colour scale turns with the direction."""
        low = figures.parallel_coordinates(records, make_study(space), space).data[0].line
        high = figures.parallel_coordinates(records, make_study(space, direction="maximize"), space).data[0].line

        assert list(low.color) == sorted(low.color, reverse=True)
        assert list(high.color) == sorted(high.color)
        assert (low.reversescale, high.reversescale) == (False, True)


class TestOddData:
    """Names and values are the user's."""

    @given(space=strategies.spaces(min_size=1), seed=st.integers(0, 9), data=st.data())
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_space_and_any_values_pass(
        self, space: SearchSpace, seed: int, data: st.DataObject, make_study: MakeStudy
    ) -> None:
        """Whatever was sampled and measured, each figure is drawn or left out."""
        values = data.draw(st.lists(st.floats() | st.none(), min_size=12, max_size=12))
        records = [
            replace(record, state=COMPLETE if value is not None and math.isfinite(value) else PRUNED, value=value)
            for record, value in zip(made_of(space, seed), values, strict=True)
        ]
        study = make_study(space, metric=data.draw(strategies.texts))

        for figure in (
            figures.history(records, study),
            figures.importances(records, study, space),
            figures.parallel_coordinates(records, study, space),
        ):
            if figure is not None:
                json.loads(figure.to_json())

    def test_a_param_outside_its_range_is_shown_as_missing(self, make_study: MakeStudy) -> None:
        """A ledger that somebody edited is no reason to fail."""
        space = SearchSpace({"lr": Float(1e-4, 1e-1, log=True), "opt": Categorical(["adam", "sgd"])})
        records = made_of(space)
        records[3] = replace(records[3], params={"lr": -1.0, "opt": "rmsprop", "gone": 3})

        figure = figures.parallel_coordinates(records, make_study(space), space)

        worst_first = sorted(records, key=lambda record: -(record.value or 0))
        place = [record.number for record in worst_first].index(3)
        for axis in figure.data[0].dimensions[:2]:
            assert axis["values"][place] == axis.range[0] < 0
        assert figures.importances(records, make_study(space), space) is not None


@pytest.mark.browser
def test_a_browser_draws_them_offline(browser: Browser, make_study: MakeStudy, tmp_path: Path) -> None:
    """Chromium, cut off from every network, draws each page without an error, and shows markup in names as text."""
    space = SearchSpace({"lr": Float(1e-4, 1e-1, log=True), "opt": Categorical([NASTY, "sgd"])})
    study: StudyRow = make_study(space, metric=NASTY, name=NASTY)
    errors: list[str] = []

    found = figures.write(made_of(space), study, tmp_path)
    page = browser.new_context(offline=True).new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(request.url))
    titles = {}
    for name, path in found.items():
        page.goto(path.as_uri())
        page.wait_for_selector(".gtitle")
        titles[name] = page.text_content(".gtitle")
    page.context.close()

    assert errors == []
    assert list(titles) == NAMES
    assert all("</script><b>x</b> &amp; %{y}" in (title or "") for title in titles.values())


def _root() -> Path:
    return Path(__file__).parents[2]
