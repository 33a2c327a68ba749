"""What was computed, kept: one line of JSON a run, in a file a method.

    rows = Rows(folder, version_of=versions)
    rows.missing(cells)             # those that have no row of the present version
    rows.add(row)                   # on disk when this returns: a run that is killed loses no other
    rows[cell]["regret"]

A row counts as long as the version of its method is the same: of the package for a peer, a hash of the sources that
decide for ours. Where the package is missing, whatever was computed counts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One run: what is searched by what, with which seed, workers and budget."""

    task: str
    method: str
    seed: int
    workers: int
    budget: float
    unit: str
    """Of the budget: "trainings" for each worker, in seconds of the mean training; or "trials", full ones."""

    def __str__(self) -> str:
        return f"{self.method} on {self.task}, seed {self.seed}, {self.workers} workers, {self.budget:g} {self.unit}"


FIELDS = [field.name for field in dataclasses.fields(Cell)]


class Rows:
    """The rows in `folder`.

    Args:
        folder: of the files.
        version_of: the present version of a method, or None where what it needs is not installed.
    """

    def __init__(self, folder: Path, *, version_of: Callable[[str], str | None]) -> None:
        self._folder = folder
        self._version_of = version_of
        self._rows: dict[Cell, Row] = {}
        for file in sorted(folder.glob("*.jsonl")):
            self._rows |= _read(file)

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        """Return those of `cells` without a row that counts, in order and each once."""
        return [cell for cell in dict.fromkeys(cells) if not self._counts(cell)]

    def __contains__(self, cell: Cell) -> bool:
        return cell in self._rows

    def __getitem__(self, cell: Cell) -> Row:
        return self._rows[cell]

    def add(self, row: Row) -> None:
        """Keep a row."""
        self._rows[cell_of(row)] = row
        with self._file(row["method"]).open("a") as file:
            file.write(_line(row))

    def compact(self) -> None:
        """Leave one line a run in each file, sorted, as the files are now: other methods may be running elsewhere."""
        for file in self._folder.glob("*.jsonl"):
            rows = _read(file)
            text = "".join(_line(rows[cell]) for cell in sorted(rows))
            if file.read_text() != text:
                new = file.with_suffix(".new")
                new.write_text(text)
                new.replace(file)

    def _counts(self, cell: Cell) -> bool:
        version = self._version_of(cell.method)
        return cell in self._rows and version in (None, self._rows[cell]["version"])

    def _file(self, method: str) -> Path:
        return self._folder / f"{method}.jsonl"


def cell_of(row: Row) -> Cell:
    """Return the cell of a row."""
    return Cell(**{name: row[name] for name in FIELDS})


def _read(file: Path) -> dict[Cell, Row]:
    rows = {}
    for line in file.read_text().splitlines():
        with contextlib.suppress(ValueError):  # cut by a kill while it was written
            row = json.loads(line)
            rows[cell_of(row)] = row
    return rows


def _line(row: Row) -> str:
    return json.dumps(row, separators=(",", ":")) + "\n"
