"""The tracker is away for a minute in the middle of a search: refused, silent, failing, or a page of somebody else's.

A search with steps of 0.2 s delivers to a real MLflow server through a proxy that goes through all of these while the
same search runs beside it with a tracker that is well. What is compared are the two searches, and in the end the tables
behind the server with the ledger.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.mlflow_server import shared
from tests.faults.proxy import Answer, Fault, Proxy
from tests.stress import stock
from tests.stress.scene import Scene
from tests.stress.tracked import affected, behind_a_proxy, step_seconds

TITLE = "The tracker is away for a minute in the middle of a search"

STEP = 0.2
FAULTS: tuple[tuple[str, Fault], ...] = (
    ("refuses", "refuse"),
    ("hangs", "hang"),
    ("500", Answer(500, b"")),
    ("429", Answer(429, b"")),
    ("HTML with 200", Answer()),
    ("closes", "close"),
)


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Play one outage that goes through all faults, in another order with each seed."""
    first = seed % len(FAULTS)
    faults = [*FAULTS[first:], *FAULTS[:first]]
    if short:
        yield play(seed, faults[:3], trials=3, epochs=9, before=1.0, seconds=3.0)
    else:
        yield play(seed, faults, trials=10, epochs=50, before=20.0, seconds=60.0)


def play(
    seed: int, faults: Sequence[tuple[str, Fault]], *, trials: int, epochs: int, before: float, seconds: float
) -> dict[str, Any]:
    """Play a search of `trials` with an outage of `seconds` that begins `before` seconds after its first step."""
    slack = 1.05 if seconds >= 60 else 1.25  # a median of few steps, while other tests run
    about: dict[str, Any] = {"trials": trials, "epochs": epochs, "seed": seed, "sleep": STEP}
    about["options"] = ["--early-stopping", "none"]
    with behind_a_proxy(**about) as (scene, proxy), behind_a_proxy(**about) as (beside, _):
        drivers = [each.start([word for word in each.search if word != "-q"]) for each in (scene, beside)]
        while not scene.history():
            time.sleep(0.01)  # a file of another process: there is no event to wait for
        time.sleep(before)
        began = time.monotonic()
        _go_through(proxy, faults, seconds)
        lasted = time.monotonic() - began
        is_running = [driver.exitcode is None for driver in drivers]  # type: ignore[union-attr]
        for driver in drivers:
            driver.join(120)  # type: ignore[union-attr]
        codes = [driver.exitcode for driver in drivers]  # type: ignore[union-attr]
        problems = [*_said(scene, is_long=before > 10), *scene.problems(), *beside.problems()]
        problems += [] if all(is_running) and codes == [0, 0] else [f"running {is_running}, then exit codes {codes}"]
        found = {
            "affected": len(affected(scene)) + len(affected(beside)),
            "step": round(step_seconds(scene), 4),
            "step_beside": round(step_seconds(beside), 4),
        }
    return {
        "seed": seed,
        "ok": not problems and not found["affected"] and found["step"] <= slack * found["step_beside"],
        "seconds": round(lasted, 1),
        "faults": [name for name, _ in faults],
        "trials": trials,
        "steps": trials * epochs,
        **found,
        "problems": problems,
    }


def _go_through(proxy: Proxy, faults: Sequence[tuple[str, Fault]], seconds: float) -> None:
    for _, fault in faults:
        proxy.state = fault
        time.sleep(seconds / len(faults))
    proxy.state = "pass"


def glue(seed: int) -> Iterator[dict[str, Any]]:
    """Let the tracker of a search that is put together from stock integrations be away for as long, in two ways."""
    for name, fault in (FAULTS[0], FAULTS[4]):
        with Proxy(shared().address) as proxy:
            found = stock.away(seed, proxy.url, functools.partial(_go_through, proxy, [(name, fault)], 60.0))
        complete = found["optuna"].get("COMPLETE", 0)
        ended = f"it ends with {found['error']}" if found["error"] else f"exit code {found['exit']}"
        seen = f"the server {name} for 60 s" if fault == "refuse" else f"{name} for 60 s"
        seen += f": {complete} of {stock.TRIALS} trials are COMPLETE; {ended}"
        yield {**found, "ok": complete == stock.TRIALS and not found["error"], "fault": name, "seen": seen}


def _said(scene: Scene, *, is_long: bool) -> list[str]:
    """Return what is wrong with what a search said of the outage: once that it began, once that it was over."""
    lines = scene.log.read_text().splitlines()
    away, back = (sum(words in line for line in lines) for words in ("trials go on", "MLflow is back"))
    is_told = back == 1 or (not is_long and not back)  # a search may be through before delivery has tried again
    return (
        [] if away == 1 and is_told else [f"said {away} times that the tracker is away, {back} times that it is back"]
    )


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what is claimed of all these rounds."""
    affected_, trials = (sum(row[key] for row in rows) for key in ("affected", "trials"))
    longest = max(row["seconds"] for row in rows)
    ratio = max(row["step"] / row["step_beside"] for row in rows)
    differ = sum(bool(row["problems"]) for row in rows)
    return [
        (
            "an outage of 60 s in the middle of a search with steps of 0.2 s: no trial is affected",
            f"{affected_} of {trials} trials, {longest:.0f} s at most",
            not affected_ and longest >= 60,
        ),
        (
            "every point is delivered once, each trial has one run",
            f"they differ from the ledger in {differ} of {len(rows)} rounds",
            not differ,
        ),
        (
            "the median step takes as long as in the same search without an outage, within 5 %",
            f"{ratio:.3f} times as long at most",
            ratio <= 1.05,
        ),
    ]
