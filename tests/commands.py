"""The command line as another process: what a user would type, run from this very tree."""

from __future__ import annotations

import sys


def automl(*arguments: str) -> list[str]:
    """Return the command `automl ARGUMENTS`."""
    return [sys.executable, "-c", "import sys; from automl.cli import main; sys.exit(main())", *arguments]
