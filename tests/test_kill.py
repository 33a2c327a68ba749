"""A search that is killed with -9 goes on as if nothing had happened; `tests.kill` plays longer series."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import kill


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "storage"), [(101, None), (102, None), (103, "postgres_url")])
def test_kill_and_resume(tmp_path: Path, seed: int, storage: str | None, request: pytest.FixtureRequest) -> None:
    """Twenty trials in the end, none lost, none doubled, one MLflow run each, doctor content; on PostgreSQL too."""
    url = storage and request.getfixturevalue(storage)

    found = kill.play(tmp_path, seed, url)

    assert found["ok"], found
