"""The package stays small to import, and its door shows all that is inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import search_spaces

_ROOT = Path(search_spaces.__file__).parents[1]


def _run(code: str, **variables: str) -> str:
    environment = {**os.environ, **variables}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=_ROOT, env=environment)
    return result.stdout


def test_only_the_standard_library_is_loaded():
    """Whoever imports spaces pays for nothing else: not even PyYAML before a file is read."""
    code = (
        "import sys, json; before = set(sys.modules); import search_spaces;"
        "space = search_spaces.mlp(); space.validate(space.default()); space.neighbours(space.default());"
        "print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    )

    loaded = set(json.loads(_run(code)))

    assert loaded - set(sys.stdlib_module_names) == {"search_spaces"}


def test_import_is_fast(tmp_path):
    """Less than 50 ms over bare Python, best of several, in one process that forgets the package each time.

    All but the first find bytecode, as whoever installs the package does.
    """
    code = """
import sys, time
bare = set(sys.modules)
best = 9.0
for _ in range(5):
    for name in set(sys.modules) - bare:
        del sys.modules[name]
    start = time.perf_counter()
    import search_spaces
    best = min(best, time.perf_counter() - start)
print(best)
"""

    assert float(_run(code, PYTHONPYCACHEPREFIX=str(tmp_path), PYTHONDONTWRITEBYTECODE="")) < 0.05


def test_the_door():
    """`__all__` names exactly what can be imported, sorted, and everything has a docstring."""
    assert all(hasattr(search_spaces, name) for name in search_spaces.__all__)
    assert search_spaces.__all__ == sorted(search_spaces.__all__, key=lambda name: (not name.isupper(), name))
    assert all(getattr(search_spaces, name).__doc__ for name in search_spaces.__all__ if name != "READY")
    assert (Path(search_spaces.__file__).parent / "py.typed").exists()
