"""A search that is killed with -9 goes on as if nothing had happened; `tests.kill` plays longer series."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import kill


@pytest.mark.slow
@pytest.mark.parametrize("seed", [101, 102, 103])
def test_kill_and_resume(tmp_path: Path, seed: int) -> None:
    """Twenty trials in the end, none lost, none doubled, one MLflow run each, doctor content."""
    found = kill.play(tmp_path, seed)

    assert found["ok"], found
