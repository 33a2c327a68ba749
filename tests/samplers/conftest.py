"""Names for the parameters of Optuna's suites, which are lambdas that differ by their line only."""

from __future__ import annotations

import types


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a lambda by its line, since pytest is told to refuse tests of one name."""
    is_lambda = isinstance(val, types.FunctionType) and val.__name__ == "<lambda>"
    return f"{argname}-{val.__code__.co_firstlineno}" if is_lambda else None  # type: ignore[attr-defined]
