"""What this project promises under faults, tried again and again: `make stress` plays rounds and writes RELIABILITY.md.

A kind of fault is a module here, named as the kind with underscores, and has a line in `KINDS`. It has

    TITLE = "The tracker is down for a minute"                          # its heading in RELIABILITY.md

    def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
        # Yields each round as it ends: JSON with at least "seed" and "ok". It ends by itself when the figures are
        # reached; the harness closes it when the kind's time is up. With `short` it takes at most 15 seconds.

    def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
        # What is claimed, what these rounds measured, and whether it holds: a line of the page each.

    def glue(seed: int) -> Iterator[dict[str, Any]]:                    # optional
        # The same fault on Optuna, Ray Tune and MLflow glued by hand: "seed", "ok", and "seen", one line of text.

`workers` is how many rounds may run at once. Whatever a round starts it ends, by process id.
"""

from __future__ import annotations

KINDS: dict[str, float] = {
    "driver-kill": 18,
    "worker-kill": 3,
    "tracker-outage": 3,
    "lost-response": 1,
    "rebuild": 1,
    "postgres-restart": 2,
    "sqlite-lock": 1.5,
    "disk-full": 1,
    "two-drivers": 2,
    "hostile-objective": 2,
    "out-of-memory": 1,
    "node-lost": 1,
    "truncation": 1,
    "signals": 1.5,
    "canary": 0.5,
    "sockets": 0.5,
}
"""Kind -> how many of the 40 minutes of a helping it may take; what it leaves goes to those after it."""
