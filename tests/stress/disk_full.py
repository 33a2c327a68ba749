"""The disk is full: no file of a search can grow beyond some size, another each round; then there is space again."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psutil

from tests.stress.play import side_by_side
from tests.stress.scene import SECONDS, Scene

TITLE = "The disk is full"

OPTIONS = ("--early-stopping", "none")
SIZES = tuple(range(20_000, 400_000, 12_000))


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Play a round a size."""
    sizes = SIZES[3::8] if short else SIZES
    yield from side_by_side(play, [(seed + n, size) for n, size in enumerate(sizes)], workers=workers)


def play(chosen: tuple[int, int]) -> dict[str, Any]:
    """Limit the files of a search to a size, resume it without a limit, and return what was found."""
    seed, size = chosen
    size += random.Random(seed).randrange(12_000)
    with Scene.made(executor="local", tracker="none", seed=seed % 1000, trials=10, options=OPTIONS) as scene:
        process = scene.start(scene.search)
        psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))
        until = time.monotonic() + SECONDS
        while scene_code(process) is None and time.monotonic() < until:
            time.sleep(0.01)  # it may be a process of either kind: there is no event for both
        first = scene_code(process)
        scene.deaths.append(scene.known())
        kept = len(scene.deaths[0].ended)
        said = scene.said()
        code = scene.goes_on()
        problems = [] if first in (0, 5) else [f"it ended with {first}: {said[-1500:]}"]
        problems += [] if first != 5 or "bytes are free there" in said else [f"it does not say where: {said[-500:]}"]
        problems += [] if code == 0 else [f"the next ended with {code}: {scene.said()[-1500:]}"]
        problems += scene.problems()
        lost, rerun = len(scene.lost()), len(scene.rerun())
    row = {"size": size, "code": first, "kept": kept, "lost": lost, "rerun": rerun}
    return {"seed": seed, "ok": not problems and not lost and not rerun, **row, "problems": problems}


def scene_code(process: Any) -> int | None:
    """Return the exit code of a driver that has ended."""
    code: int | None = process.exitcode if hasattr(process, "exitcode") else process.poll()
    return code


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what is claimed of all these rounds."""
    full = sum(row["code"] == 5 for row in rows)
    lost, rerun = (sum(row[key] for row in rows) for key in ("lost", "rerun"))
    bad = sum(bool(row["problems"]) for row in rows)
    return [
        ("the disk is full at many sizes of its files", f"{full} of {len(rows)} searches ended with 5", full > 0),
        ("no completed trial is lost or run again", f"{lost} lost, {rerun} run again", not lost and not rerun),
        ("the search goes on when there is space", f"{len(rows) - bad} of {len(rows)} finished", not bad),
    ]
