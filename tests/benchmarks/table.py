"""Ratios of runs that took turns, and the table that they end up in."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HEAD = ["figure", "ours", "peer", "ours / peer, or difference", "target", "met"]
PACKAGES = ("automl-search", "ray", "optuna", "mlflow", "SQLAlchemy")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, from what was measured in turns: the first of ours with the first of the peer's."""

    figure: str
    ours: Sequence[float]
    peer: Sequence[float]
    """Empty where the target is for ours alone."""
    at_most: float
    """Target of the median: a ratio, or in the unit of ours."""
    is_difference: bool = False
    """The target is for what ours takes more."""
    unit: str = "s"
    """Of ours and the peer: "s", "bytes" or "share"."""

    @property
    def results(self) -> list[float]:
        """What the target is about, for each pair."""
        if not self.peer:
            return list(self.ours)
        pairs = zip(self.ours, self.peer, strict=True)
        return [ours - peer if self.is_difference else ours / peer for ours, peer in pairs]

    @property
    def is_met(self) -> bool:
        """Whether the median keeps to the target."""
        return statistics.median(self.results) <= self.at_most

    def cells(self) -> list[str]:
        """Return the line, a string a column."""
        is_ratio = bool(self.peer) and not self.is_difference
        show_side = _UNITS[self.unit]
        show = _ratio if is_ratio else show_side
        result = f"{show(statistics.median(self.results))} ({show(min(self.results))} .. {show(max(self.results))})"
        sides = [show_side(statistics.median(side)) if side else "" for side in (self.ours, self.peer)]
        return [self.figure, *sides, result, f"<= {show(self.at_most)}", "yes" if self.is_met else "**no**"]


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def conditions() -> str:
    """Return when and on what this was measured."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = [line for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    processor = names[0].partition(":")[2].strip() if names else platform.machine()
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    versions = ", ".join(filter(None, map(_version, PACKAGES)))
    return (
        f"{time.strftime('%Y-%m-%d %H:%M %Z')}; {cores} cores ({processor}), load {load}; "
        f"{platform.system()} {platform.release()}; Python {platform.python_version()}, {versions}"
    )


def _version(name: str) -> str:
    """Return a package and its version; an environment made for one of the peers lacks others."""
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def _time(seconds: float) -> str:
    if abs(seconds) >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.1f} ms" if abs(seconds) >= 1e-3 or not seconds else f"{seconds * 1e6:.1f} us"


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _megabytes(value: float) -> str:
    return f"{value / 1e6:.0f} MB"


def _percent(value: float) -> str:
    return f"{value:.1%}"


_UNITS: dict[str, Callable[[float], str]] = {"s": _time, "bytes": _megabytes, "share": _percent}


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
