"""What `make` says of itself, on a clone that nothing is installed in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("target", "installs"), [("search", 1), ("test", 2)])
def test_a_silent_installation_is_told_first(tmp_path: Path, target: str, installs: int) -> None:
    """A line with what happens and how long about stands before each call of pip, which prints nothing for minutes."""
    done = subprocess.run(
        ["make", "--dry-run", target, f"VENV={tmp_path}/venv"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=True,
    )

    lines = done.stdout.splitlines()
    calls = [number for number, line in enumerate(lines) if " -m pip install --quiet" in line]
    assert len(calls) == installs
    for number in calls:
        assert lines[number - 1].startswith('echo "make: pip installs ')
        assert "minute" in lines[number - 1]
