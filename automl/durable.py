"""Files that survive a kill at any moment, and show it when they are damaged later: written whole or not at all,
verified when read.

Three kinds of file rest on this module: small ones of JSON (`write_json`; sealed with a sum, a changed byte shows), a
line of a file that grows (`seal`), and a folder such as a checkpoint (`new_folder`), whose manifest of sizes and
SHA-256 sums is written last.

    with new_folder(Path("step-3")) as folder:
        (folder / "weights.bin").write_bytes(b"...")
    assert is_whole(Path("step-3"))
    assert unseal(seal({"step": 3})) == {"step": 3}
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from automl import crash, private

MANIFEST = "manifest.json"
_SEAL = ', "sha256": "'
_TEMPORARY = re.compile(r"\..+\.(\d+)\.tmp")


def seal(row: Mapping[str, Any]) -> str:
    """Return `row`, which is not empty, as a line of JSON whose last member is the SHA-256 sum of the others."""
    text = json.dumps(row)
    return f'{text[:-1]}{_SEAL}{_sum(text)}"}}'


def unseal(text: str | bytes) -> dict[str, Any] | None:
    """Return what `seal` made a line of, or None if a single byte of it has changed.

    A line without a sum is taken as it is: versions before wrote such.
    """
    try:
        text = text if isinstance(text, str) else text.decode()
        body, seal, end = text.rpartition(_SEAL)
        if seal:
            text = body + "}"
            if end != f'{_sum(text)}"}}':
                return None
        row = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def write_text(path: Path, text: str, *, check: Callable[[], None] = lambda: None) -> None:
    """Replace `path` by `text` in one atomic step that is on disk when the call returns.

    What `check` raises leaves `path` as it was; it is called last, since a disk may take seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    with private.open_new(temporary) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    crash.here(crash.Point.FILE_BEFORE_RENAME)
    try:
        check()
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    temporary.replace(path)
    _sync_folder(path.parent)


def write_json(path: Path, value: Any, *, sealed: bool = False, check: Callable[[], None] = lambda: None) -> None:
    """Replace `path` by `value` as JSON in one atomic step, as `write_text` does."""
    write_text(path, seal(value) if sealed else json.dumps(value), check=check)


def read_json(path: Path) -> Any | None:
    """Return what `write_json` wrote, or None when there is no whole file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def read_sealed(path: Path) -> dict[str, Any] | None:
    """Return what `write_json` wrote and sealed, or None when there is no whole file or a byte of it has changed."""
    try:
        return unseal(path.read_bytes())
    except OSError:
        return None


def append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add `rows`, sealed, to a file of JSON lines; they are on disk when the call returns.

    A line begins with its newline, so that one which was torn by a kill spoils no later one.
    """
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"\n{seal(row)}" for row in rows)
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows that `append` wrote, without damaged ones; none where there is no file."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    return [row for row in map(unseal, lines) if row is not None]


@contextlib.contextmanager
def new_folder(path: Path, *, check: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """Yield an empty folder that becomes `path`, with a manifest, when the block ends without an exception.

    An existing `path` is replaced; an exception leaves it as it was, one of `check` too, which is called last.

    Raises:
        FileExistsError: the block made a file that has the manifest's name.
    """
    temporary = _temporary(path)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        files = {name: _digest(temporary / name) for name in _files(temporary)}
        if MANIFEST in files:
            raise FileExistsError(f"{MANIFEST} is where the sums of this folder's files go: call your file otherwise")
        write_json(temporary / MANIFEST, files)
        check()
        remove(path)
        temporary.rename(path)
        _sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_whole(path: Path, *, thorough: bool = True) -> bool:
    """Say whether `path` is a folder made by `new_folder` whose every file is there, as it was written, and no other.

    Unless `thorough`, of the files' content only the size is looked at, which takes no time.
    """
    manifest = read_json(path / MANIFEST)
    try:
        found = {name for name in _files(path) if name != MANIFEST}
        if not isinstance(manifest, dict) or found != manifest.keys():  # so none of its names leads out of the folder
            return False
        if not thorough:
            return all((path / name).stat().st_size == digest["size"] for name, digest in manifest.items())
        return all(_digest(path / name, sync=False) == digest for name, digest in manifest.items())
    except (OSError, TypeError, KeyError):
        return False


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there, so that a kill never leaves a part of it under its name."""
    temporary = _temporary(path.with_name(f"{path.name}-removed"))
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        path.rename(temporary)
    except FileNotFoundError:
        return
    if temporary.is_dir() and not temporary.is_symlink():
        shutil.rmtree(temporary, ignore_errors=True)
    else:
        temporary.unlink(missing_ok=True)


def leftovers(folder: Path) -> list[Path]:
    """Return what writers that were killed have left under `folder`: temporary files and folders."""
    import psutil

    found = []
    for where, folders, files in os.walk(folder):
        writers = {name: int(match[1]) for name in [*folders, *files] if (match := _TEMPORARY.fullmatch(name))}
        found += [Path(where) / name for name, pid in writers.items() if not psutil.pid_exists(pid)]
        folders[:] = [name for name in folders if name not in writers]
    return sorted(found)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _files(folder: Path) -> list[str]:
    """Return the names of all files under a folder, relative to it."""
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


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
