"""RELIABILITY.md: every promise, what the recorded rounds measured, and whether it holds. Nobody types a figure.

The page follows from the rounds alone, so the same rounds give the same page on any machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tests.stress import KINDS
from tests.stress.play import GLUE, module

Rows = Sequence[Mapping[str, Any]]

_HEAD = """\
# Reliability

`make stress` plays the rounds behind this page and writes it: each figure follows from
[`tests/stress/rounds.jsonl`](tests/stress/rounds.jsonl), which has one round a line. Nothing here was typed by hand.
A claim holds only if no round at all speaks against it, and enough rounds were played to say so.
"""


def page(rows: Rows) -> str:
    """Return RELIABILITY.md for these rounds, all of one version."""
    by_kind: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_kind[row["kind"]].append(row)
    sections, held = [], []
    for kind in KINDS:
        if kind in by_kind:
            text, good = _section(kind, by_kind[kind], by_kind[GLUE + kind])
            sections.append(text)
            held += good
    missing = [kind for kind in KINDS if kind not in by_kind]
    notes = [f"Not played in this version: {', '.join(missing)}."] if missing else []
    total = sum(len(by_kind[kind]) for kind in KINDS)
    summary = f"**{total} rounds, {len(held)} figures, {sum(held)} of them hold.**"
    return "\n".join([_HEAD, summary, *notes, "", _conditions(rows), *sections])


def _conditions(rows: Rows) -> str:
    """Return when, where and with what the rounds were played."""
    helpings = [row for row in rows if row["kind"] == "helping"]
    dates = sorted({row["date"][:10] for row in rows})
    packages = {f"{name} {version}" for row in helpings for name, version in row["packages"].items()}
    facts = {
        "version": _list({f"automl {row['version']}" for row in rows}),
        "played": " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "",
        "commits": _list({row["commit"] for row in rows}),
        "python": _list({row["python"] for row in rows}),
        "with": _list(packages),
        "on": _list({row["machine"] for row in helpings}),
        "seeds": ", ".join(map(str, sorted({row["seed"] for row in helpings}))),
    }
    return _table(["", ""], [[name, value] for name, value in facts.items()])


def _section(kind: str, rows: Rows, glue: Rows) -> tuple[str, list[bool]]:
    """Return a kind's part of the page, and which of its figures hold."""
    found = module(kind)
    whole = [row for row in rows if "broken" not in row]
    lines = [(claim, measured, holds and len(whole) == len(rows)) for claim, measured, holds in found.figures(whole)]
    table = [[claim, measured, "yes" if holds else "**no**", str(len(rows))] for claim, measured, holds in lines]
    parts = [f"## {found.TITLE}", _table(["claimed", "measured", "holds", "rounds"], table)]
    bad = [row for row in rows if not row["ok"]]
    if bad:
        which = [f"{row['seed']}" + (f" ({row['round']})" if "round" in row else "") for row in bad]
        shown = ", ".join(list(dict.fromkeys(which))[:10])
        broken = [row["broken"] for row in bad if "broken" in row]
        also = f"; the test itself broke: {_plain('; '.join(broken))}" if broken else ""
        parts.append(f"Not ok: {len(bad)} of {len(rows)} rounds, of the seeds (and rounds) {shown}{also}.")
    if seen := [_plain(row["seen"]) for row in glue if "seen" in row]:
        said = "; ".join(dict.fromkeys(seen))
        parts.append(f"Optuna, Ray Tune and MLflow with their own integrations, in the same test: {said}.")
    return "\n".join(f"{part}\n" for part in ["", *parts])[:-1], [holds for *_, holds in lines]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_plain(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _list(values: set[str]) -> str:
    return ", ".join(sorted(values))


def _plain(text: str) -> str:
    """Return text that stays within its cell."""
    return " ".join(text.replace("|", "\\|").split())
