"""Read a table from a file, and say by line what is wrong with one that cannot be read.

    source = read(Path("churn.csv.gz"))
    source.frame                # a pandas DataFrame
    source.place(3)             # "churn.csv.gz:5", where the fourth row stands

CSV is gone through twice: by Python's csv module, which sees each line and so can name the one that is wrong, then by
pandas, which finds the types of columns, but fills rows that are too short and renames columns that stand twice.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import re
import stat
import zlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pandas as pd

from automl.errors import ConfigError
from search_spaces.errors import did_you_mean

LARGEST = 2**30
"""Bytes of a table, unpacked: all of it is held in memory by every worker."""

LONGEST_LINE = 2**24  # characters; what is longer is no table, and would be read at once

DELIMITERS = ",;\t|"
SAMPLE_LINES = 100  # that tell which delimiter a file has
MISSING = ("?",)  # read as missing, besides what pandas knows: empty, NA, NaN, null, None, ...
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # what "surrogateescape" makes of a byte that is none
SHOWN = 3  # problems of one sort that are told one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table as it was read."""

    path: Path
    frame: pd.DataFrame
    lines: array[int] | None
    """The line at which each row begins; None for a file without lines."""

    def place(self, row: int) -> str:
        """Return where a row, counted from 0, stands in the file."""
        return f"{self.path.name}:{self.lines[row]}" if self.lines else f"{self.path.name}, row {row + 1}"


def check(text: str) -> Path:
    """Return the file that `text` names, as an absolute path; nothing is read.

    Raises:
        ConfigError: it is an address, not there, not a file that can be read, empty, or above the limit.
    """
    if "://" in text:
        raise ConfigError(f"{text} is an address; download it, and give the file")
    path = Path(text).expanduser()
    try:
        found = path.stat()
        with path.open("rb") if stat.S_ISREG(found.st_mode) else io.BytesIO():
            pass
    except FileNotFoundError:
        near = did_you_mean(path.name, [each.name for each in path.parent.glob("*.*")]) or "; give the path of a table"
        raise ConfigError(f"{path} does not exist{near}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise ConfigError(f"{path} is {what}; expected a file with a table")
    if found.st_size == 0:
        raise ConfigError(f"{path} is empty; expected a line with the names of the columns, and rows")
    if found.st_size > LARGEST:
        raise ConfigError(_too_large(path, f"{found.st_size / 2**30:.1f} GiB"))
    return path.resolve()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file: while it stays, so do the parts that networks are trained and judged on."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path) -> Source:
    """Read a whole table; `path` is one that `check` returned.

    Raises:
        ConfigError: with every problem of the file.
    """
    return _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)


def _too_large(path: Path, size: str) -> str:
    return f"{path} has {size}; a table is held in memory, up to {LARGEST / 2**30:.0f} GiB unpacked: take a sample"


def _read_parquet(path: Path) -> Source:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
            size = sum(group.total_byte_size for group in groups)
            problems = _repeated(path.name, file.schema_arrow.names)
            if size > LARGEST:
                problems.append(_too_large(path, f"{size / 2**30:.1f} GiB"))
            frame = pd.DataFrame() if problems else file.read().to_pandas(ignore_metadata=True)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{path} cannot be read as Parquet: {reason}") from error
    if problems:
        raise ConfigError(problems)
    return Source(path=path, frame=frame.rename(columns=str), lines=None)


def _read_csv(path: Path) -> Source:
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise ConfigError(f"{path} is UTF-16; save it as UTF-8")
    try:
        delimiter = _delimiter(path)
        names, lines = _scan(path, delimiter)
        with _opened(path) as text:
            frame = pd.read_csv(
                text,
                sep=delimiter,
                names=names,
                header=0,
                index_col=False,
                skipinitialspace=True,
                na_values=list(MISSING),
                low_memory=False,  # types are found over the whole column, not over pieces of it
            )
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ConfigError(f"{path} is no whole gzip file: {error}") from error
    return Source(path=path, frame=frame, lines=lines)


def _opened(path: Path) -> IO[str]:
    """Open a text file, packed or not; what is not UTF-8 becomes surrogates, which can be found and shown."""
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    raw = gzip.GzipFile(path) if is_packed else path.open("rb")
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _delimiter(path: Path) -> str:
    """Return the delimiter that divides the first lines into the most fields, as many in each as in the first."""
    with _opened(path) as text:
        head = list(itertools.islice(_lines(text, path), SAMPLE_LINES))

    def fit(delimiter: str) -> tuple[float, int]:
        try:
            rows = [row for row in csv.reader(head, delimiter=delimiter, skipinitialspace=True) if row]
        except csv.Error:
            return 0.0, 0
        n = len(rows[0]) if rows else 0
        return (sum(len(row) == n for row in rows) / len(rows), n) if n > 1 else (0.0, 0)

    return max(DELIMITERS, key=fit)


def _lines(text: IO[str], path: Path) -> Iterator[str]:
    """Yield the lines of a file, as long as they are within the limits."""
    size = 0
    while line := text.readline(LONGEST_LINE):
        size += len(line)
        if len(line) == LONGEST_LINE:
            raise ConfigError(
                f"{path} has a line of more than {LONGEST_LINE:,} characters; expected a row in each line"
            )
        if size > LARGEST:
            raise ConfigError(_too_large(path, "more than that when it is unpacked"))
        yield line


def _scan(path: Path, delimiter: str) -> tuple[list[str], array[int]]:
    """Return the names of the columns and the line of each row.

    Raises:
        ConfigError: lines that are no text or have too many or too few fields, columns that stand twice, no rows.
    """
    problems = _Problems(path.name)
    names: list[str] = []
    lines = array("L")
    begins = 1
    with _opened(path) as text:
        rows = csv.reader(problems.seen(_lines(text, path)), delimiter=delimiter, skipinitialspace=True, strict=True)
        try:
            for row in rows:
                if not names:
                    names = [name.strip() for name in row]
                elif row and len(row) != len(names):
                    problems.add("ragged", begins, f"{_fields(len(row))}, expected {len(names)} as in the header")
                elif row:
                    lines.append(begins)
                begins = rows.line_num + 1
        except csv.Error as error:
            problems.add("quoting", begins, f"{error}; is a quote never closed, or not doubled inside a field?")
    told = problems.told() or _header_problems(path.name, names, delimiter, n_rows=len(lines))
    if told:
        raise ConfigError(told)
    return [name or f"Unnamed: {index}" for index, name in enumerate(names)], lines


def _header_problems(file: str, names: list[str], delimiter: str, *, n_rows: int) -> list[str]:
    problems = _repeated(file, names)
    if len(names) == 1:
        problems.append(
            f"{file}:1: a single column, {names[0][:40]!r}, and nothing to predict it from; between columns stands a "
            "comma, semicolon, tab or |"
        )
    elif names and all(map(_is_number, names)):
        problems.append(f"{file}:1: {delimiter.join(names)[:40]!r} are numbers; expected the names of the columns")
    if not n_rows:
        problems.append(f"{file}: no rows; expected a line with the names of the columns, and rows below it")
    return problems


def _repeated(file: str, names: list[str]) -> list[str]:
    positions: dict[str, list[str]] = defaultdict(list)
    for index, name in enumerate(names, 1):
        positions[name].append(str(index))
    return [
        f"{file}: columns {' and '.join(found)} are both called {name!r}; rename all but one"
        for name, found in positions.items()
        if name and len(found) > 1
    ]


def _fields(n: int) -> str:
    return f"{n} field{'' if n == 1 else 's'}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class _Problems:
    """Collects what is wrong with lines: the first few of each sort, then how many there are."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._counts: Counter[str] = Counter()
        self._told: list[str] = []

    def add(self, sort: str, line: int, what: str) -> None:
        self._counts[sort] += 1
        if self._counts[sort] <= SHOWN:
            self._told.append(f"{self._file}:{line}: {what}")

    def told(self) -> list[str]:
        more = [
            f"{self._file}: {n - SHOWN:,} more lines like this ({sort})"
            for sort, n in self._counts.items()
            if n > SHOWN
        ]
        return self._told + more

    def seen(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield lines, and keep what is no text in them."""
        for number, line in enumerate(lines, 1):
            if "\0" in line:
                self.add("NUL", number, f"a NUL byte at character {line.index(chr(0)) + 1}; expected text in UTF-8")
            if not line.isascii() and (bad := _NOT_UTF8.search(line)):
                seen = f"byte {ord(bad.group()) - 0xDC00:#04x} at character {bad.start() + 1}"
                self.add("encoding", number, f"{seen} is not UTF-8; save the file as UTF-8")
            yield line
