"""Files that survive a kill at any moment: written whole or not at all, and verified when read.

Three kinds of file rest on this module: a worker's result (`write_json`), a checkpoint or other folder (`new_folder`,
whose manifest of sizes and SHA-256 sums is written last), and delivery's cursor.

    with new_folder(Path("step-3")) as folder:
        (folder / "weights.bin").write_bytes(b"...")
    assert is_whole(Path("step-3"))
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from automl import crash

MANIFEST = "manifest.json"


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` as JSON in one atomic step that is on disk when the call returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    crash.here(crash.Point.FILE_BEFORE_RENAME)
    temporary.replace(path)
    _sync_folder(path.parent)


def read_json(path: Path) -> Any | None:
    """Return what `write_json` wrote, or None when there is no whole file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `path`, with a manifest, when the block ends without an exception.

    An existing `path` is replaced; an exception leaves it as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        files = {
            str(file.relative_to(temporary)): _digest(file) for file in sorted(temporary.rglob("*")) if file.is_file()
        }
        write_json(temporary / MANIFEST, files)
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
        _sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_whole(path: Path) -> bool:
    """Say whether `path` is a folder made by `new_folder` whose every file is as it was written."""
    files = read_json(path / MANIFEST)
    if not isinstance(files, dict):
        return False
    try:
        return all(_digest(path / name, sync=False) == digest for name, digest in files.items())
    except OSError:
        return False


def _digest(path: Path, *, sync: bool = True) -> dict[str, Any]:
    with path.open("rb") as file:
        if sync:
            os.fsync(file.fileno())
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
