"""What the shell offers after TAB: names of studies, tasks, samplers and so on, found without loading any framework.

    automl --install-completion         # once, for bash, zsh or fish
    automl status d<TAB>                # digits-1  digits-2

Where nothing here fits, the shell offers files, as TARGET and `--space` may be one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import typer

_HOME = "automl_runs"  # that of automl.home, which loads SQLAlchemy


def among(names: Iterable[str]) -> Callable[[str], list[str]]:
    """Return a completion that offers `names`."""
    known = list(names)

    def complete(incomplete: str) -> list[str]:
        return [name for name in known if name.startswith(incomplete)]

    return complete


def studies(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the studies of the home that the command line names, or else of the usual one."""
    folder = Path(ctx.params.get("home") or _HOME).expanduser()
    return sorted(file.parent.name for file in folder.glob("*/study.yaml") if file.parent.name.startswith(incomplete))
