"""Real digits and trials made by hand, for the tests of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from automl import tasks
from automl.trial import Report, Trial


class MakeTrial(Protocol):
    def __call__(self, params: Mapping[str, Any] | None = None, /, **options: Any) -> Trial: ...


@pytest.fixture(scope="session")
def digits() -> tasks.Split:
    return tasks.task("digits").load(seed=0)


@pytest.fixture
def reports() -> list[Report]:
    return []


@pytest.fixture
def make_trial(tmp_path: Path, reports: list[Report]) -> MakeTrial:
    """Make a trial whose reports land in `reports`."""

    def make(params: Mapping[str, Any] | None = None, /, **options: Any) -> Trial:
        send: Callable[[Report], None] = reports.append
        defaults: dict[str, Any] = {"number": 0, "folder": tmp_path / "trial", "max_epochs": 1, "send": send}
        return Trial(params=params or {}, **(defaults | options))

    return make
