"""How results are printed: plain in a pipe, exact for programs, harmless on a terminal."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from pathlib import Path

import pytest
import yaml

from automl.cli import output
from automl.cli.output import Format
from automl.home import Home
from automl.trial import TrialState

NASTY = "\x1b]0;pwn\x07[red]x[/red]\n\u202e"


def test_machine_formats_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON and YAML hold the same data; words of enumerations are words, NaN is null."""
    data = [
        {"state": TrialState.COMPLETE, "counts": {TrialState.FAIL: 0}, "value": math.nan, "text": NASTY, "n": (1, 2)}
    ]
    expected = [{"state": "COMPLETE", "counts": {"FAIL": 0}, "value": None, "text": NASTY, "n": [1, 2]}]

    output.emit(data, Format.JSON, lambda: None)
    assert json.loads(capsys.readouterr().out) == expected

    output.emit(data, Format.YAML, lambda: None)
    assert yaml.safe_load(capsys.readouterr().out) == expected


def test_csv_is_flat_and_inert(capsys: pytest.CaptureFixture[str]) -> None:
    """Mappings become columns, each kind side by side, and no cell is a formula."""
    rows = [
        {"params": {"a": 1}, "step": 2, "text": "=cmd|' /C calc'!A0", "low": -1.5},
        {"params": {"a": 1, "b": "x"}, "step": 3, "text": "-", "low": None},
    ]

    output.emit(rows, Format.CSV, lambda: None)

    first, second = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert list(first) == ["params.a", "params.b", "step", "text", "low"]
    assert first == {"params.a": "1", "params.b": "", "step": "2", "text": "'=cmd|' /C calc'!A0", "low": "-1.5"}
    assert second["text"] == "'-"


def test_a_piped_table_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    """No control sequences, no folding, no blanks at the ends of lines."""
    output.table([{"name": "a", "long": "x " * 200 + "end"}, {"name": NASTY, "long": "COMPLETE"}], ["name", "long"])

    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 3
    assert "\x1b" not in printed
    assert "[red]x[/red]" in printed
    assert "\\x1b]0;pwn\\x07" in printed
    assert all(line == line.rstrip() for line in printed.splitlines())


def test_nothing_reaches_a_terminal_raw(capsys: pytest.CaptureFixture[str]) -> None:
    """Facts and messages spell control characters out, in names and in values."""
    output.facts([("name", NASTY.replace("\n", "")), ("params", {NASTY: NASTY})])
    output.say(f"error: {NASTY}")

    printed = capsys.readouterr()
    assert not {"\x1b", "\x07", "\u202e"} & {*printed.out, *printed.err}
    assert len(printed.err.splitlines()) == 1


def test_facts_fold_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    """Further lines of a value stand below the first."""
    output.facts([("a", "one\ntwo"), ("long name", 3)])

    assert capsys.readouterr().out == "a          one\n           two\nlong name  3\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "true"),
        (0.123456789, "0.12346"),
        (1e-7, "1e-07"),
        (12, "12"),
        ({}, "-"),
        ({"a": 1.0, "b": "x"}, "a=1 b=x"),
    ],
)
def test_short(value: object, text: str) -> None:
    """Values as tables show them."""
    assert output.short(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0s"), (59.94, "59.9s"), (245, "4m 05s"), (7620, "2h 07m")])
def test_duration(seconds: float, text: str) -> None:
    """Times in words."""
    assert output.duration(seconds) == text


def test_command_names_the_home_where_it_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command can be copied into this very shell, and works."""
    assert output.command(Home.find(), "resume", "a b") == "automl resume 'a b'"
    assert output.command(Home.find("other"), "resume", "s") == f"automl resume s --home {tmp_path}/other"

    monkeypatch.setitem(os.environ, "AUTOML_HOME", "other")
    assert output.command(Home.find("other"), "resume", "s") == "automl resume s"


def test_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a screen long lines break between words, beside what stands to their left; in a pipe nothing is broken."""
    text = " ".join(["lr=0.1", "depth=3"] * 4)
    piped = output.fold(text, indent=9)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")

    lines = output.fold(text, indent=9).splitlines()

    assert piped == text
    assert len(lines) == 2
    assert max(map(len, lines)) <= 40 - 9
    assert " ".join(lines) == text
