"""`python -m tests.stress [--only KIND] [--minutes 40] [--seed N] [--short] [--page]`: play rounds, write the page."""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
from pathlib import Path

from tests.stress import KINDS
from tests.stress.page import page
from tests.stress.play import ROUNDS, Helping, read

PAGE = Path(__file__).parents[2] / "RELIABILITY.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("--only", action="append", choices=KINDS, metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--minutes", type=float, default=40.0, help="for all kinds together; default 40")
    parser.add_argument("--seed", type=int, help="default: a new one")
    parser.add_argument("--short", action="store_true", help="a few rounds, seconds a kind; nothing is recorded")
    parser.add_argument("--page", action="store_true", help="play nothing, write the page from what was recorded")
    options = parser.parse_args()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under `nohup` the searches would ignore it too
    bad = 0
    if not options.page:
        seed = random.randrange(2**31) if options.seed is None else options.seed
        helping = Helping(
            seed, file=None if options.short else ROUNDS, workers=min(2, len(os.sched_getaffinity(0))), out=sys.stderr
        )
        bad = helping.play(options.only or list(KINDS), minutes=options.minutes, short=options.short)
    if not options.short:
        PAGE.write_text(page(read(ROUNDS)))
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
