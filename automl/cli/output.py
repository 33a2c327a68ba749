"""How results are printed: as a table for people, or as json, csv or yaml for programs.

    emit(rows, Format.JSON, lambda: table(rows, ["name", "state"]))
    say("error: ...")                                       # standard error
    command(home, "resume", "digits-1")                     # "automl resume digits-1 --home /data/runs"

Standard output has results and nothing else. Names and values come from anywhere, so nothing of them reaches a terminal
as a control sequence or as markup.
"""

from __future__ import annotations

import atexit
import contextlib
import enum
import io
import json
import math
import os
import shlex
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TextIO

from automl import inert
from automl.inert import safe as safe
from automl.redaction import redacted

if TYPE_CHECKING:
    from rich.text import Text

    from automl.home import Home

_PIPED_WIDTH = 10_000  # a table that is not for a screen is never folded
_STYLES = {"COMPLETE": "green", "finished": "green", "FAIL": "red", "interrupted": "yellow", "running": "cyan"}


class Format(enum.StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    YAML = "yaml"


def emit(data: Any, format: Format, show: Callable[[], None]) -> None:
    """Print `data` in `format`; as a table it is what `show` prints."""
    if format is Format.TABLE:
        show()
    else:
        print(text(data, format), end="")


def text(data: Any, format: Format) -> str:
    """Return `data` in a format for programs, the end of the last line included."""
    data = plain(data)
    if format is Format.JSON:
        return json.dumps(data, indent=2, allow_nan=False) + "\n"
    if format is Format.YAML:
        import yaml

        return str(yaml.safe_dump(data, sort_keys=False))
    return _csv(data if isinstance(data, list) else [data])


def line(data: Any) -> str:
    """Return `data` as one line of JSON."""
    return json.dumps(plain(data), allow_nan=False)


def plain(value: Any) -> Any:
    """Return `value` as data that JSON and YAML can hold; NaN and the infinities, which JSON cannot, become null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def table(rows: Sequence[Mapping[str, Any]], columns: Iterable[str], *, file: TextIO | None = None) -> None:
    """Print `rows` under the names of `columns`, of which the last may be folded on a narrow screen."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = list(columns)
    made = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        is_last = name == columns[-1]
        is_number = all(isinstance(row.get(name), (int, float, type(None))) for row in rows)
        justify: Literal["left", "right"] = "right" if is_number else "left"
        overflow: Literal["fold", "ellipsis"] = "fold" if is_last else "ellipsis"
        made.add_column(Text(safe(name)), justify=justify, no_wrap=not is_last, overflow=overflow)
    for row in rows:
        made.add_row(*(_cell(row.get(name)) for name in columns))
    stream = file or sys.stdout
    console = Console(file=stream)
    if console.is_terminal:
        console.print(made)
        return
    console = Console(file=stream, width=_PIPED_WIDTH, no_color=True)
    with console.capture() as capture:
        console.print(made)
    print("\n".join(text.rstrip() for text in capture.get().splitlines()), file=stream)


def facts(pairs: Iterable[tuple[str, object]], *, file: Any = None) -> None:
    """Print a line for each pair of a name and what is to be said of it."""
    pairs = list(pairs)
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        first, *more = (short(value) if not isinstance(value, str) else value).splitlines() or [""]
        print(f"{name:<{width}}  {safe(first)}".rstrip(), file=file or sys.stdout)
        for text in more:
            print(f"{'':<{width}}  {safe(text)}", file=file or sys.stdout)


def fold(text: str, *, indent: int) -> str:
    """Return `text` as lines that fit beside `indent` columns of a screen; as it is where nobody reads it on one."""
    if not sys.stdout.isatty():
        return text
    room = max(20, shutil.get_terminal_size().columns - indent)
    return textwrap.fill(text, room, break_long_words=False, break_on_hyphens=False)


def say(*lines: str) -> None:
    """Print lines on standard error, without the passwords that other programs' words may hold."""
    for text in lines:
        print(safe(redacted(text)), file=sys.stderr, flush=True)


def fail(*problems: str, code: int) -> NoReturn:
    """Print one line a problem, and end with an exit code."""
    import typer

    say(*(f"error: {problem}" for problem in problems))
    raise typer.Exit(code)


def is_confirmed(question: str) -> bool:
    """Ask something in the terminal, and return whether the answer is yes."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class _Stream:
    """A stream that goes nowhere once nobody reads it, instead of failing: a search is worth more than its lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._unread():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._unread():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _unread(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            to_nowhere(self._stream)


@contextlib.contextmanager
def unbreakable() -> Iterator[None]:
    """Go on without standard error when nobody reads it any more: the terminal is closed, or a pipe."""
    with contextlib.redirect_stderr(_Stream(sys.stderr)):
        yield


def to_nowhere(stream: TextIO) -> None:
    """Let what is written to a stream vanish, whoever writes it, what it still holds included."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError):  # it is no file
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def show_cursor() -> None:
    """Leave a terminal as it was, where a panel is cut off."""
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h\n")


def ignore_signals() -> None:
    """Let nothing interrupt the end of this process when its work is done: Python would print where it was."""
    from automl.interrupts import SIGNALS

    for number in SIGNALS:
        atexit.register(signal.signal, number, signal.SIG_IGN)


def short(value: Any) -> str:
    """Return a value as a table shows it: five digits of a number, `name=value` for each item of a mapping."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, Mapping):
        return " ".join(f"{safe(str(name))}={short(item)}" for name, item in value.items()) or "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(short(item) for item in value) or "-"
    return safe(str(value))


def duration(seconds: float) -> str:
    """Return a time in words: `3.2s`, `4m 05s`, `2h 07m`."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


def command(home: Home, *words: str) -> str:
    """Return a command to copy, with `--home` where the one that would be found is another."""
    from automl.home import Home

    where = [] if Home.find().path == home.path else ["--home", str(home.path)]
    return shlex.join(["automl", *words, *where])


def _cell(value: Any) -> Text:
    from rich.text import Text

    text = short(value)
    return Text(text, style=_STYLES.get(text, ""))


def _csv(rows: Sequence[Any]) -> str:
    import csv

    flat = [dict(_flat(row)) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    groups = list(dict.fromkeys(name.partition(".")[0] for name in columns))
    columns.sort(key=lambda name: groups.index(name.partition(".")[0]))  # all params side by side
    written = io.StringIO()
    writer = csv.DictWriter(written, columns, lineterminator="\n")
    if columns:
        writer.writeheader()
    writer.writerows(flat)
    return written.getvalue()


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yield the cells of a row: mappings become columns `outer.inner`, lists JSON."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", json.dumps(value) if isinstance(value, list) else _inert(value)


def _inert(value: Any) -> Any:
    """Return a cell that neither a spreadsheet nor, on a screen, a terminal obeys."""
    return inert.cell(safe(value) if isinstance(value, str) and sys.stdout.isatty() else value)
