"""What the shell offers after TAB: names of studies, tasks, samplers and so on, found without loading any framework.

    automl --install-completion         # once, for bash, zsh or fish
    automl status d<TAB>                # digits-1  digits-2

Where nothing here fits, the shell offers files, as TARGET may be one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from search_spaces import READY

_FILES = (".yaml", ".yml", ".toml", ".json", ".py")  # of a space
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


def spaces(incomplete: str) -> list[str]:
    """Return ready spaces, and files that may hold one."""
    return [*among(READY)(incomplete), *space_files(incomplete)]


def space_files(incomplete: str) -> list[str]:
    """Return files that may hold a space, and folders, in which there may be more."""
    folder, slash, start = incomplete.rpartition("/")
    found = Path(f"{folder}{slash}" or ".").expanduser().glob("*")
    entries = [(each.name, each.is_dir()) for each in found if each.name.startswith(start)]
    names = [f"{name}/" if is_folder else name for name, is_folder in entries if is_folder or name.endswith(_FILES)]
    return sorted(f"{folder}{slash}{name}" for name in names if start or not name.startswith("."))
