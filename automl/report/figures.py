"""Three figures of a study, each one HTML file that works offline: in a browser, or in MLflow's artifact viewer.

    with home.read("digits-1") as reader:
        paths = write(reader.records(), reader.study(), Path("out"))
    paths["figures/history.html"]               # out/figures/history.html

history: what each trial reached, and the best so far; of several objectives pareto: what one costs the other.
importance: how much of the difference between trials each param explains. parallel coordinates: which params go with
which value. A figure that the trials cannot fill yet is left out. Names and values come from users and data: NaN, a
single trial, markup in a name must all pass.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from automl.inert import safe
from automl.ledger.rows import StudyRow
from automl.report import importance
from automl.trial import TrialRecord, TrialState
from search_spaces import Categorical, Constant, Distribution, Float, Int, Ordinal, SearchSpace

BLUE, FAINT, BEST = "#2563eb", "#94a3b8", "#ea580c"
_COLORS = ("#2563eb", "#0d9488", "#9333ea", "#ca8a04", "#db2777")  # bars: all trials first, then each set of others
_DARK_IS_BETTER = [[0, "#172554"], [0.25, "#1d4ed8"], [0.6, "#93c5fd"], [1, "#e2e8f0"]]
_LARGEST = 1e150  # beyond, a span of two values is no number any more
_MANY_AXES, _MANY_BARS, _MUCH_TEXT = 16, 12, 60  # what still fits beside each other
_STYLE = "html,body,body>div{height:100%;margin:0;background:#fff}.plotly-graph-div{min-height:400px}"


def write(records: Sequence[TrialRecord], study: StudyRow, folder: Path) -> dict[str, Path]:
    """Write the figures under `folder`; return name -> file of those that the trials can fill."""
    space = SearchSpace.from_dict(study.config["space"])
    is_single = len(study.preference.metrics) == 1
    figures = {
        **({"history": history(records, study)} if is_single else {"pareto": pareto(records, study)}),
        "importance": importances(records, study, space),
        "parallel_coordinates": parallel_coordinates(records, study, space),
    }
    found = {}
    for name, figure in figures.items():
        if figure is not None:
            path = folder / "figures" / f"{name}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_page(figure, f"{study.name}: {name.replace('_', ' ')}"), encoding="utf-8")
            found[f"figures/{name}.html"] = path
    return found


def history(records: Sequence[TrialRecord], study: StudyRow) -> Any | None:
    """Return the value of each trial by its number, and the best so far; None when no trial has a value."""
    import plotly.graph_objects as go

    valued = {record.number: value for record in records if (value := _finite(record.last_value)) is not None}
    if not valued:
        return None
    figure = go.Figure()
    numbers, bests = _best_so_far(records, study)
    figure.add_scatter(
        x=numbers,
        y=bests,
        mode="lines",
        name="best so far",
        line={"color": BEST, "width": 2, "shape": "hv"},
        hoverinfo="skip",
        showlegend=bool(numbers),
    )
    for name, is_done in (("COMPLETE", True), ("others, at their last value", False)):
        shown = [r for r in records if r.number in valued and (r.state is TrialState.COMPLETE) is is_done]
        figure.add_scatter(
            x=[record.number for record in shown],
            y=[valued[record.number] for record in shown],
            mode="markers",
            name=name,
            marker={"color": BLUE if is_done else FAINT, "size": 9 if is_done else 7, "opacity": 1 if is_done else 0.6},
            hovertext=[_hover(record, study) for record in shown],
            hoverinfo="text",
            showlegend=bool(shown),
        )
    metric = _text(study.metric)
    _layout(figure, f"{metric} of each trial", f"{_text(study.name)}, to {study.config['direction']}")
    last = records[-1].number
    margin = 0.5 + 0.01 * last
    figure.update_xaxes(title="trial", range=[-margin, last + margin], tickformat="d", dtick=1 if last < 10 else None)
    figure.update_yaxes(title=metric, type="log" if importance.is_log(valued.values()) else "linear")
    return figure


def pareto(records: Sequence[TrialRecord], study: StudyRow) -> Any | None:
    """Return the first two metrics of each trial, and the trials that none is better than; None when none has both."""
    import plotly.graph_objects as go

    preference = study.preference
    one, two = preference.metrics[:2]
    places = {
        record.number: (x, y)
        for record in records
        if (x := _finite(record.standing.get(one))) is not None and (y := _finite(record.standing.get(two))) is not None
    }
    there = [record for record in records if record.number in places]
    if not there:
        return None
    done = [record for record in there if record.state is TrialState.COMPLETE]
    front = [done[at] for at in preference.pareto(record.values for record in done)]
    numbers = {record.number for record in front}
    keeps = {record.number: preference.violation(record.standing) == 0 for record in there}
    figure = go.Figure()
    for name, shown, color, symbol in (
        ("others, at their last values", [r for r in there if r.state is not TrialState.COMPLETE], FAINT, "circle"),
        ("breaks a constraint", [r for r in done if not keeps[r.number] and r.number not in numbers], FAINT, "x"),
        ("COMPLETE", [r for r in done if keeps[r.number] and r.number not in numbers], BLUE, "circle"),
        ("none is better", front, BEST, "circle"),
    ):
        is_front = shown is front
        figure.add_scatter(
            x=[places[record.number][0] for record in shown],
            y=[places[record.number][1] for record in shown],
            mode="lines+markers" if is_front and len(preference.metrics) == 2 else "markers",
            name=name,
            line={"color": BEST, "width": 1, "dash": "dot"},
            marker={"color": color, "symbol": symbol, "size": 10 if is_front else 7, "opacity": 1 if is_front else 0.7},
            hovertext=[_hover(record, study) for record in shown],
            hoverinfo="text",
            showlegend=bool(shown),
        )
    about = "".join(f", {_text(str(limit))}" for limit in preference.constraints)
    wishes = ", ".join(f"{direction} {_text(name)}" for name, direction in preference.ways)
    _layout(figure, f"{_text(one)} and {_text(two)} of each trial", f"{_text(study.name)}: {wishes}{about}")
    for axis, name, at in ((figure.update_xaxes, one, 0), (figure.update_yaxes, two, 1)):
        is_log = importance.is_log([place[at] for place in places.values()])
        axis(title=_text(name), type="log" if is_log else "linear")
    return figure


def importances(records: Sequence[TrialRecord], study: StudyRow, space: SearchSpace) -> Any | None:
    """Return how much of the variance of the metric each param explains; None when too few trials compare."""
    import plotly.graph_objects as go

    found = importance.shares(records, study.metric, space)
    if found is None:
        return None
    figure = go.Figure()
    names = [name for group in found.groups for name in group.shares]
    below = 0
    for group, color in zip(found.groups, _COLORS * len(found.groups), strict=False):
        figure.add_bar(
            y=list(range(below, below + len(group.shares))),  # names could be taken for numbers or dates
            x=list(group.shares.values()),
            orientation="h",
            name=f"{group.trials} trials" + (f": {_text(group.condition)}" if group.condition else ""),
            marker={"color": color},
            texttemplate="%{x:.0%}",
            textposition="outside",
            cliponaxis=False,
            hovertext=[f"{_text(name)}: {part:.1%} among {group.trials} trials" for name, part in group.shares.items()],
            hoverinfo="text",
        )
        below += len(group.shares)
    _layout(
        figure,
        f"Importance of params for {_text(found.target)}",
        "share of variance explained (fANOVA); what is missing to 100 % is interaction or chance",
    )
    widest = max(part for group in found.groups for part in group.shares.values())
    figure.update_xaxes(tickformat=".0%", range=[0, max(0.1, widest) * 1.12])
    figure.update_yaxes(
        tickvals=list(range(below)),
        ticktext=[_text(name) for name in names],
        autorange="reversed",
        automargin=True,
        showgrid=False,
    )
    figure.update_layout(showlegend=True, bargap=0.4)
    if below > _MANY_BARS:
        figure.update_layout(height=170 + 30 * below)
    return figure


def parallel_coordinates(records: Sequence[TrialRecord], study: StudyRow, space: SearchSpace) -> Any | None:
    """Return one line a trial through its params to its last value; None with fewer than two trials to compare."""
    import plotly.graph_objects as go

    shown = [(record, value) for record in records if (value := _finite(record.last_value)) is not None]
    shown.sort(key=lambda row: -row[1] * study.sign)  # the best are drawn last, on top
    those = [record for record, _ in shown]
    axes = [
        _axis(name, distribution, those)
        for name, distribution in space.items()
        if not isinstance(distribution, Constant) and len({repr(record.params.get(name)) for record in those}) > 1
    ]
    if len(shown) < 2 or not axes:
        return None
    steps = [record.step for record in those]
    if len(set(steps)) > 1:
        axes.append(_number_axis("step", steps, 0, max(steps), is_whole=True))
    values = [value for _, value in shown]
    for name in study.preference.names[1:]:
        found = [_finite(record.standing.get(name)) for record in those]
        if known := [value for value in found if value is not None]:
            axes.append(_number_axis(name, found, min(known), max(known), is_log=importance.is_log(known)))
    axes.append(_number_axis(study.metric, values, min(values), max(values), is_log=importance.is_log(values)))
    figure = go.Figure(
        go.Parcoords(
            dimensions=axes,
            line={
                "color": axes[-1]["values"],
                "colorscale": _DARK_IS_BETTER,
                "reversescale": study.sign < 0,
            },
            labelfont={"size": 13},
            tickfont={"size": 12},
            labelangle=-20 if sum(len(axis["label"]) for axis in axes) > _MUCH_TEXT else 0,
        )
    )
    _layout(
        figure,
        f"Params and {_text(study.metric)} of {len(shown)} trials",
        "darker is better; drag along an axis to select, drag its name to move it; \u2013 where a param does not exist",
    )
    figure.update_layout(margin={"l": 90, "r": 90, "t": 160, "b": 40})
    if len(axes) > _MANY_AXES:
        figure.update_layout(width=80 * len(axes))
    return figure


def _best_so_far(records: Sequence[TrialRecord], study: StudyRow) -> tuple[list[int], list[float]]:
    """Return the trials that were the best when they completed and their values, and the last trial with the best."""
    numbers: list[int] = []
    bests: list[float] = []
    for record in records:
        value = _finite(record.value)
        if value is not None and (not bests or value * study.sign < bests[-1] * study.sign):
            numbers.append(record.number)
            bests.append(value)
    return ([*numbers, records[-1].number], [*bests, bests[-1]]) if bests else ([], [])


def _axis(name: str, distribution: Distribution, records: Sequence[TrialRecord]) -> dict[str, Any]:
    """Return the axis of a param; trials without it, or with a value that its range lacks, meet below the rest."""
    have = [name in record.params and distribution.contains(record.params[name]) for record in records]
    values = [record.params[name] if has else None for record, has in zip(records, have, strict=True)]
    if isinstance(distribution, (Float, Int)):
        is_whole = isinstance(distribution, Int)
        return _number_axis(
            name, values, distribution.low, distribution.high, is_log=distribution.log, is_whole=is_whole
        )
    assert isinstance(distribution, Categorical | Ordinal)
    choices = distribution.choices
    places = [float(choices.index(value)) if has else None for value, has in zip(values, have, strict=True)]
    ticks = {float(place): str(choice) for place, choice in enumerate(choices)}
    return _scaled(name, places, 0.0, len(choices) - 1.0, ticks)


def _number_axis(
    name: str,
    values: Sequence[float | None],
    low: float,
    high: float,
    *,
    is_log: bool = False,
    is_whole: bool = False,
) -> dict[str, Any]:
    def place(value: float) -> float:
        return math.log10(value) if is_log else float(value)

    ticks = {place(tick): f"{tick:.4g}" for tick in _ticks(low, high, is_log=is_log, is_whole=is_whole)}
    return _scaled(name, [None if value is None else place(value) for value in values], place(low), place(high), ticks)


def _scaled(
    name: str, places: Sequence[float | None], low: float, high: float, ticks: Mapping[float, str]
) -> dict[str, Any]:
    span = (high - low) or 1.0
    ticks = dict(ticks)
    bottom = low
    if None in places:
        bottom = low - 0.15 * span
        ticks[bottom] = "\u2013"
    return {
        "label": _text(name, 20),
        "values": [bottom if place is None else place for place in places],
        "range": [bottom, high] if high > low else [bottom, low + span],
        "tickvals": list(ticks),
        "ticktext": [_short(text, 14) for text in ticks.values()],
    }


def _ticks(low: float, high: float, *, is_log: bool, is_whole: bool) -> list[float]:
    """Return both ends and about four round numbers between them."""
    if not high > low:
        return [low]
    if is_log:
        first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
        steps = (1, 2, 5) if last - first <= 2 else (1,)
        every = max(1, (last - first) // 5)
        inner = [step * 10.0**power for power in range(first, last + 1, every) for step in steps]
        width = math.log10(high) - math.log10(low)
        near = [x for x in inner if low < x < high and min(math.log10(x / low), math.log10(high / x)) > 0.06 * width]
    else:
        unit = 10.0 ** math.floor(math.log10(high - low))
        unit = next((unit * part for part in (0.2, 0.5, 1) if (high - low) / (unit * part) <= 6), unit)
        unit = max(unit, 1.0) if is_whole else unit
        inner = [unit * count for count in range(math.ceil(low / unit), math.floor(high / unit) + 1)]
        near = [x for x in inner if min(x - low, high - x) > 0.06 * (high - low)]
    return [low, *near, high]


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < _LARGEST else None


def _hover(record: TrialRecord, study: StudyRow) -> str:
    lines = [f"<b>trial {record.number}</b> {record.state.value}", f"{_text(study.metric)} = {record.last_value:.6g}"]
    names = study.preference.names[1:]
    lines += [f"{_text(name)} = {record.standing[name]:.6g}" for name in names if name in record.standing]
    lines += [f"step {record.step}"] if record.reports else []
    chosen = [f"{_text(name)} = {_text(_number(value))}" for name, value in record.params.items()]
    return "<br>".join([*lines, "", *chosen])


def _number(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _short(text: str, longest: int = 36) -> str:
    text = safe(text)  # half a surrogate pair could not even be written to a file
    return text if len(text) <= longest else f"{text[: longest - 1]}\u2026"


def _text(text: str, longest: int = 36) -> str:
    """Return `text` so that plotly shows just that: it takes markup in a text for markup."""
    return html.escape(_short(text, longest), quote=False)


def _layout(figure: Any, title: str, subtitle: str) -> None:
    figure.update_layout(
        template="plotly_white",
        title={
            "text": f"<b>{title}</b>",
            "subtitle": {"text": subtitle, "font": {"size": 13, "color": "#64748b"}},
            "x": 0.02,
            "xanchor": "left",
            "y": 1,
            "yanchor": "top",
            "pad": {"t": 22},
            "font": {"size": 18},
        },
        font={"family": "system-ui, -apple-system, 'Segoe UI', sans-serif", "size": 13, "color": "#0f172a"},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 80, "r": 40, "t": 120, "b": 60},
        hoverlabel={"bgcolor": "white", "font": {"size": 12}, "align": "left"},
        autosize=True,
    )


def _page(figure: Any, title: str) -> str:
    """Return the figure as a page that holds all it needs: MLflow shows files in a frame that cannot load others."""
    config = {
        "responsive": True,
        "displaylogo": False,
        "typesetMath": False,
        "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d"],  # nothing leaves the page
    }
    body = figure.to_html(full_html=False, include_plotlyjs=True, default_height="100%", config=config)
    head = f'<meta charset="utf-8"><title>{html.escape(_short(title))}</title><style>{_STYLE}</style>'
    return f"<!doctype html>\n<html><head>{head}</head><body>{body}</body></html>\n"
