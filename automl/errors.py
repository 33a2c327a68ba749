"""Every error that automl raises on purpose, drawn as one tree.

    AutomlError                       exit 1
    ├─ ConfigError (ValueError)       exit 2   your input; one line a problem
    │  └─ StudyNotFoundError          exit 2   no study of that name in this home
    ├─ StudyMismatchError             exit 3   the study differs from what is asked, or its name is taken
    ├─ MissingDependencyError         exit 4   a package, driver or host is not there
    ├─ ResourceExhaustedError         exit 5   disk or memory ran out while running
    ├─ LeaseLostError                 exit 6   another driver holds the study, or it was deleted
    ├─ SearchAbortedError             exit 1   the search cannot go on; says why and where to look
    └─ ReadOnlyError                  exit 1   a view of a ledger was written to

    TrialPruned, TrialPaused          raised inside an objective by ``trial.report``: not failures

`search_spaces.SearchSpaceError` and `trackers.TrackerError` stand alone, because those packages are importable
without automl; the edges (`config.py`, `delivery.py`) translate them.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from search_spaces.errors import did_you_mean

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says when a disk, a quota or the largest size of a file is used up."""


class AutomlError(Exception):
    """Root of the tree. Read the message: it says what was seen, what was expected and what to do."""

    exit_code = 1

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class ConfigError(AutomlError, ValueError):
    """Correct the options named in `problems`; nothing was created."""

    exit_code = 2


class StudyNotFoundError(ConfigError, LookupError):
    """Check the name with `automl ls`, or the folder with `--home`."""


class StudyMismatchError(AutomlError):
    """Resume with the options the study was made with, or choose another `--name`."""

    exit_code = 3


class MissingDependencyError(AutomlError):
    """Install the package or start the host that the message names."""

    exit_code = 4


class ResourceExhaustedError(AutomlError):
    """Free disk or memory, then resume: everything committed is kept."""

    exit_code = 5

    @classmethod
    def of_disk(cls, what: str, cause: str, *, folder: str | Path | None) -> Self:
        """Return the error of `what` that could not be written; `folder` is where, or a file there."""
        free = ""
        with contextlib.suppress(OSError):
            free = f"; {shutil.disk_usage(folder).free:,} bytes are free there" if folder else ""
        return cls(f"{what} cannot be written ({cause}){free}: make space, and resume if the search has ended")


class LeaseLostError(AutomlError):
    """Another driver runs this study: wait for it, or stop it first. Or the study was deleted while it ran."""

    exit_code = 6


class SearchAbortedError(AutomlError):
    """Mend what the message shows to have failed, the objective or early stopping, then resume the study.

    `traceback` has the lines of the last one, if there was any; they come from the user's code and are not escaped.
    """

    def __init__(self, problems: str | Iterable[str], *, traceback: Iterable[str] = ()) -> None:
        super().__init__(problems)
        self.traceback = tuple(traceback)


class ReadOnlyError(AutomlError):
    """Change a study with the commands of automl; `automl.open_storage` is for looking at it."""


class TrialPruned(Exception):
    """The trial was stopped early. Let it pass, or clean up and raise it again; it is not a failure."""


class TrialPaused(TrialPruned):
    """The trial was paused at a checkpoint; another attempt may continue it."""


def unknown(what: str, value: object, names: tuple[str, ...] | list[str]) -> str:
    """Return the line that says `value` is none of `names`, with the nearest of them."""
    near = did_you_mean(value, names)
    return f"{what} {value!r} is unknown{near}{'' if near else ';'} known: {', '.join(names)}"
