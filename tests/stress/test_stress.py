"""Every kind of fault for some seconds, and the harness that records rounds and makes a page of them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.stress import KINDS
from tests.stress.page import page
from tests.stress.play import Helping, module, read, side_by_side


@pytest.mark.parametrize("kind", KINDS)
def test_kind(kind: str) -> None:
    """Each round of a short play is ok, and becomes figures."""
    found = module(kind)

    rows = list(found.rounds(7, short=True, workers=2))

    assert rows
    assert [row for row in rows if not row["ok"]] == []
    assert all(claim and measured for claim, measured, _ in found.figures(rows))
    json.dumps(rows)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a kind whose third round is not ok, and whose fourth breaks off."""

    def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
        for number in range(3):
            yield {"seed": seed + number, "ok": number < 2, "lost": number // 2}
        raise OSError("no space left")

    def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
        lost = sum(row["lost"] for row in rows)
        return [("at least 2 rounds", f"{len(rows)}", len(rows) >= 2), ("nothing lost", f"{lost} lost", not lost)]

    def glue(seed: int) -> Iterator[dict[str, Any]]:
        yield {"seed": seed, "ok": False, "seen": "3 of 5 | lost"}

    made = ModuleType("tests.stress.an_example")
    made.__dict__.update(TITLE="An example", rounds=rounds, figures=figures, glue=glue)
    monkeypatch.setitem(sys.modules, made.__name__, made)
    monkeypatch.setitem(KINDS, "an-example", 1.0)
    return "an-example"


def test_helping_is_recorded(example: str, tmp_path: Path) -> None:
    """Every round is there with what it was played on, a kind that breaks off too; rounds of two helpings add up."""
    file, out = tmp_path / "rounds.jsonl", io.StringIO()

    bad = [Helping(seed, file=file, out=out).play([example], minutes=1) for seed in (10, 20)]

    rows = read(file)
    assert bad == [2, 2]
    assert [(row["kind"], row["seed"], row["ok"]) for row in rows][:6] == [
        ("helping", 10, True),
        (example, 10, True),
        (example, 11, True),
        (example, 12, False),
        (example, 10, False),
        (f"glue:{example}", 10, False),
    ]
    assert all(row.keys() >= {"version", "date", "commit", "python"} for row in rows)
    assert "an-example 3 NOT OK" in out.getvalue()
    assert read(file, "0.0.0") == []


def test_time_is_kept(example: str, tmp_path: Path) -> None:
    """A kind whose time is up is closed after the round that it is in."""
    file = tmp_path / "rounds.jsonl"

    Helping(10, file=file, out=io.StringIO()).play([example], minutes=0)

    assert [row["kind"] for row in read(file)] == ["helping", example, f"glue:{example}"]


def test_page_follows_from_rounds(example: str) -> None:
    """The page has a line a figure; one that is not met, or a round that broke off, cannot be overlooked."""
    about = {"version": "1.2.3", "date": "2026-01-02T03:04:05Z", "commit": "abc", "python": "3.11.2"}
    head = {"kind": "helping", "seed": 9, "ok": True, "machine": "2 cores", "packages": {"ray": "2.60.0"}}
    good = {"kind": example, "seed": 1, "ok": True, "lost": 0}
    glue = {"kind": f"glue:{example}", "seed": 1, "ok": False, "seen": "3 of 5 | lost"}
    broken = {"kind": example, "seed": 2, "ok": False, "broken": "OSError: no space left"}

    whole = page([about | row for row in (head, good, good, glue)])
    holed = page([about | row for row in (head, good, good, broken)])

    assert "| nothing lost | 0 lost | yes | 2 |" in whole
    assert "2 rounds, 2 figures, 2 of them hold" in whole
    assert "in the same test: 3 of 5 \\| lost." in whole
    assert "| version | automl 1.2.3 |" in whole
    assert "| played | 2026-01-02 |" in whole
    assert "| seeds | 9 |" in whole
    assert whole == page([about | row for row in (head, good, good, glue)])
    assert "| nothing lost | 0 lost | **no** | 3 |" in holed
    assert "Not ok: 1 of 3 rounds, of the seeds (and rounds) 2; the test itself broke: OSError: no space left." in holed


def test_side_by_side() -> None:
    """Rounds that run at once all come out; one that raises ends them."""

    def play(number: int) -> dict[str, Any]:
        return {"seed": number, "ok": bool(1 // (4 - number))}

    assert sorted(row["seed"] for row in side_by_side(play, range(4), workers=2)) == [0, 1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(play, range(5), workers=2))
