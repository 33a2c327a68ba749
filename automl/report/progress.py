"""How a search goes, a line for each trial that is done: for notebooks, pipes and logs.

    trial 3 COMPLETE val_acc 0.9712 at step 12, 4 of 20 done
    trial 4 paused val_acc 0.81341 at step 2, 4 of 20 done, 1 paused
    trial 5 FAIL (raised: ZeroDivisionError: division by zero), 5 of 20 done, 1 paused
    1 paused trial ends PRUNED, 20 of 20 done
    confirming the best, trials 3 and 9: each runs again with 3 other seeds
    trial 20 COMPLETE val_acc 0.969 at step 12 (confirms trial 3), 1 of 6 done

No cursor movements and no colours.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from automl.confirming import CONFIRMING
from automl.inert import safe
from automl.preference import several


class ProgressLine:
    """A listener that prints a line for each trial that ends or pauses.

    Args:
        n_trials: that the study asks for.
        metric: whose last value is shown of a trial that has no final one; one or several.
        stream: where to; default standard error. One that is closed meanwhile ends the lines, not the search.
    """

    def __init__(
        self, n_trials: int, *, metric: str | Sequence[str] = ("value",), stream: TextIO | None = None
    ) -> None:
        self._n_trials = n_trials
        self._metrics = several(metric)
        self._stream = stream
        self._ended = 0
        self._paused: set[int] = set()
        self._given_up = 0
        self._last: dict[int, dict[str, float]] = defaultdict(dict)

    def __call__(self, event: Mapping[str, Any]) -> None:
        if line := self.line(event):
            self._print(line)

    def line(self, event: Mapping[str, Any]) -> str | None:
        """Take in an event, and return what is to be said of it, if anything."""
        kind = event["event"]
        if kind == "study-started":
            self._n_trials, self._ended, self._paused = event["n_trials"], event["ended"], {*event["paused"]}
            return found(event)
        elif kind == "report":
            self._last[event["trial"]] |= {
                name: event["values"][name] for name in self._metrics if name in event["values"]
            }
        elif kind == "trial-started":
            self._paused.discard(event["trial"])
        elif kind == "trial-paused":
            self._paused.add(event["trial"])
            return f"trial {event['trial']} {self._what(event)}, {self._done}"
        elif kind == "trial-ended" and event["trial"] in self._paused:  # as the study ends: all at once
            self._end(event["trial"])
            self._given_up += 1
        elif kind == "trial-ended":
            self._end(event["trial"])
            return f"trial {event['trial']} {self._what(event)}, {self._done}"
        elif kind in ("study-ended", CONFIRMING) and (text := self._given(kind, event)):
            return text
        elif kind == "trial-retried":
            return f"trial {event['trial']} runs once more{_why(event)}"
        elif kind == "stop-requested":
            return stopping(event)
        elif kind == "space-changed":
            return changed(event)
        elif kind == "checkpoint-damaged":
            return damaged(event)
        elif kind == "tracker-away":
            return away(event)
        elif kind == "tracker-back":
            return f"{event['title']} is back: what waits is delivered now"
        elif kind == "study-differs":
            return str(event["message"])
        elif kind == "driver-lost":
            return lost(event)
        elif kind == "taken-over":
            return fenced(event)
        elif kind == "ledger-trouble":
            return str(event["message"])
        return None

    def _given(self, kind: str, event: Mapping[str, Any]) -> str | None:
        """Return what is to be said as the search ends: what it gives up, and what comes after it."""
        n, self._given_up = self._given_up, 0
        lines = [f"{n} paused trial{' ends' if n == 1 else 's end'} PRUNED, {self._done}"] if n else []
        if kind == CONFIRMING:
            self._n_trials, self._ended = event["left"], 0
            lines.append(confirming(event))
        return "\n".join(lines) or None

    def _end(self, trial: int) -> None:
        self._paused.discard(trial)
        self._ended += 1

    @property
    def _done(self) -> str:
        paused = f", {len(self._paused)} paused" if self._paused else ""
        return f"{self._ended} of {self._n_trials} done{paused}"

    def _what(self, event: Mapping[str, Any]) -> str:
        """Return how the trial stands, in words."""
        state = "paused" if event["event"] == "trial-paused" else event["state"]
        values = self._last.pop(event["trial"], {})
        if event["value"] is not None:
            values = {self._metrics[0]: event["value"], **event.get("values", {})}
        if state == "FAIL" or not values:
            return f"{state}{_why(event)}"
        at = f" at step {event['step']}" if event["step"] else ""
        of = f" (confirms trial {event['confirms']})" if "confirms" in event else ""
        shown = ", ".join(f"{name} {values[name]:.5g}" for name in self._metrics if name in values)
        return f"{state} {shown}{at}{_why(event)}{of}"

    def _print(self, line: str) -> None:
        try:
            print("\n".join(map(safe, line.splitlines())), file=self._stream or sys.stderr, flush=True)
        except (OSError, ValueError):  # whoever read it has gone; the search is worth more than its lines
            self._print = lambda line: None  # type: ignore[method-assign]


def stopping(event: Mapping[str, Any]) -> str:
    """Return what an event `stop-requested` says, in words."""
    n = len(event["running"])
    trials = f"{n} trial{'' if n == 1 else 's'}"
    if "by" in event:
        again = "; once more ends them now" if n else ""
        return f"{event['by']}: cutting {trials} at the next report, in {event['seconds']:.0f}s at most{again}"
    return f"asked to stop: {'cutting' if event['now'] else 'ending'} {trials}"


def confirming(event: Mapping[str, Any]) -> str:
    """Return what an event `confirming` says, in words."""
    *most, last = map(str, event["trials"])
    names = f"trials {', '.join(most)} and {last}: each runs" if most else f"trial {last}: it runs"
    return f"confirming the best, {names} again with {event['seeds']} other seeds"


def changed(event: Mapping[str, Any]) -> str:
    """Return what an event `space-changed` says, in words."""
    kept = event["told"] - len(event["lost"])
    names = ", ".join(change["name"] for change in event["changes"])
    return f"the search space is changed ({names}); {kept} of {event['told']} trials inform the sampler"


def found(event: Mapping[str, Any]) -> str | None:
    """Return what is out of the ordinary in how an event `study-started` says a study was found, in words."""
    counts = event.get("recovered", {})  # a follower sees a driver that began long ago
    said = [
        f"{counts[name]} {text}"
        for name, text in (
            ("entered", "trials whose attempts the ledger had lost were taken from their files"),
            ("damaged", "result files are damaged: their trials run again"),
            ("aside", "folders of no trial were moved to 'aside'"),
        )
        if counts.get(name)
    ]
    return "; ".join(said) or None


def damaged(event: Mapping[str, Any]) -> str:
    """Return what an event `checkpoint-damaged` says, in words."""
    on = f"goes on from step {event['fallback']}" if event["fallback"] else "begins again"
    return f"trial {event['trial']} {on}: its checkpoint of step {event['step']} is damaged or gone ({event['path']})"


def away(event: Mapping[str, Any]) -> str:
    """Return what an event `tracker-away` says, in words."""
    return f"{_clean(event['message'])}; trials go on, and what they report is delivered later"


def lost(event: Mapping[str, Any]) -> str:
    """Return what an event `driver-lost` says, in words."""
    return f"its driver has died; waiting for: automl resume {event['name']}"


def fenced(event: Mapping[str, Any]) -> str:
    """Return what an event `taken-over` says, in words."""
    return f"taken over from process {event['pid']} on {event['host']}, whose next write fails"


def _why(event: Mapping[str, Any]) -> str:
    """Return the reason, and of a failure the first line of its message, in parentheses."""
    if not event["reason"]:
        return ""
    first = _clean(event.get("message") or "")
    return f" ({event['reason']}{': ' + first if first else ''})"


def _clean(message: str) -> str:
    """Return the first line of a message, without what a terminal would obey."""
    first = message.splitlines()[0] if message.strip() else ""
    return safe(first)[:200]
