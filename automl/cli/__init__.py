"""The command line: parse, call, print. `main` is the script `automl`.

    automl search digits --arch "mlp|cnn" --trials 20
    main(["status", "digits-1", "-f", "json"])          # the same in Python; returns the exit code

A verb is a function in the module of its group; what costs time to import is imported inside it. Whatever goes wrong on
purpose ends in `main` as one line a problem on standard error and the exit code of its class (`automl/errors.py`).
"""

from __future__ import annotations

import difflib
import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from automl import __version__, inert, interrupts
from automl.cli import again, control, given, look, output, resume, schema, search, serve, spaces
from automl.cli.command import Command, Group
from automl.cli.options import BUDGET, SPACE, WHAT
from automl.errors import NO_SPACE, AutomlError
from automl.redaction import redacted
from search_spaces import SearchSpaceError
from trackers import TrackerError

__all__ = ["app", "main"]

LAST_SECONDS = 5.0
"""That the process has to end once all is done and said."""
QUICK = 0.5
"""The same after a signal."""

_HELP = """
Search for the best neural network for the least compute.

[bold]Examples[/bold]

  automl search digits --arch "mlp|cnn" --trials 20 --max-epochs 12

  automl search train.py:objective --space space.yaml --metric val_loss

  automl resume digits-1 --trials +20
"""

_EPILOG = (
    "Each option can be set by a variable: AUTOML_MAX_EPOCHS=12 is --max-epochs 12, and the command line wins. "
    "AUTOML_SPACE and AUTOML_PARAM take several, with semicolons between them. "
    "A study file, `automl search study.yaml`, sets what neither does."
)

_BAD_PATHS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)
_FULL = (*NO_SPACE, errno.ENOMEM, errno.EMFILE)

app = typer.Typer(
    name="automl",
    cls=Group,
    help=_HELP,
    epilog=_EPILOG,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        print(f"automl {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        context.get_help()  # with Rich, getting it prints it
        raise typer.Exit


_VERBS: tuple[Callable[..., None], ...] = (
    search.search,
    resume.resume,
    look.ls,
    look.status,
    look.top,
    look.show,
    again.replay,
    again.repro,
    serve.ui,
    serve.sync,
    serve.doctor,
    control.stop,
    control.rm,
    schema.schema,
)
for _verb in _VERBS:
    app.command(cls=Command)(_verb)
app.add_typer(spaces.app, name="space")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit code: 0 done, 2 bad input, ...; see `automl.errors`.

    Without `arguments` it is that of the process, which then ends soon.
    """
    if arguments is None:
        interrupts.leave_by_exit()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except (OSError, SystemExit) as error:  # `automl top STUDY | head -1`: who reads has enough
        if not (_is_unread(error) or _is_unread(error.__context__)):  # Typer and Rich make a SystemExit of it
            raise
        for stream in (sys.stdout, sys.stderr):  # or Python complains when it flushes them at the end
            output.to_nowhere(stream)
        code = 128 + signal.SIGPIPE  # as of any program that the signal ends
    if arguments is None:
        _end_soon(code)
    return code


def _end_soon(code: int) -> None:
    """Give what an objective has left in this process, threads and exit hooks, little time: Python waits for ever."""
    last = threading.Timer(QUICK if code > 128 else LAST_SECONDS, os._exit, [code])
    last.daemon = True
    last.start()


def _run(arguments: Sequence[str] | None) -> int:
    """Run one command and say what goes wrong; what is said to a closed pipe raises BrokenPipeError."""
    shared = {"verbose": False}
    try:
        command = typer.main.get_command(app)
        code = command.main(args=arguments, prog_name="automl", standalone_mode=False, obj=shared)
        return code if isinstance(code, int) else 0
    except (Exception, KeyboardInterrupt) as error:
        if _is_unread(error):
            raise
        if shared["verbose"]:
            print(inert.page(redacted(traceback.format_exc())), end="", file=sys.stderr)
        problems, code = _explained(error)
        output.say(*(f"error: {problem}" for problem in problems))
        return code


def _is_unread(error: BaseException | None) -> bool:
    """Whether a stream is closed at its other end: a pipe, or a terminal."""
    is_gone = isinstance(error, OSError) and error.errno == errno.EIO and error.filename is None
    return is_gone or isinstance(error, BrokenPipeError)


def _explained(error: BaseException) -> tuple[Sequence[str], int]:
    """Return what to say of an error, a line a problem, and the exit code."""
    if isinstance(error, AutomlError):
        return error.problems, error.exit_code
    if isinstance(error, SearchSpaceError):
        return error.problems, 2
    if isinstance(error, TrackerError):
        return [str(error)], 1
    if isinstance(error, typer.TyperException):
        return _usage(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return ["interrupted"], getattr(error, "exit_code", 130)
    if isinstance(error, MemoryError):
        return ["memory ran out; what was committed is kept, go on with `automl resume`"], 5
    if isinstance(error, ModuleNotFoundError):
        return [f"the package {error.name} is missing; install it, or automl again"], 4
    if isinstance(error, OSError) and error.errno in (*_BAD_PATHS, *_FULL):
        where = f"{error.filename}: " if error.filename else ""
        return [f"{where}{error.strerror}"], 5 if error.errno in _FULL else 2
    return [f"{type(error).__name__}: {error} (a bug of automl; -v shows where)"], 1


def _usage(error: typer.TyperException) -> list[str]:
    """Return what is wrong with the command line itself, and where to read how it goes."""
    context = getattr(error, "ctx", None)
    parameter = getattr(error, "param", None)
    if context is not None and parameter is not None and given.source(context, parameter.name) == "ENVIRONMENT":
        return [f"{parameter.envvar}={os.environ[parameter.envvar]!r}: {_plain(getattr(error, 'message', str(error)))}"]
    text = _plain(error.format_message())
    if isinstance(option := getattr(error, "option_name", None), str) and context is not None:
        text = _no_such_option(option, getattr(error, "possibilities", None) or [], verb=context.command.name)
    if context is not None and context.command.name == "search" and "extra argument" in text:
        text += ": there is one target; a parameter is given as -p NAME=RANGE, a column of a table as --target COLUMN"
    if not text:  # a group without a verb, whose help is on the screen
        return []
    if context is None:
        return [text]
    end = "" if text.endswith((".", "?")) else "."
    return [f"{text}{end} See: {context.command_path} --help"]


def _no_such_option(option: str, possibilities: Sequence[str], *, verb: str) -> str:
    """Return what to say of an option that `verb` does not have."""
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    known = {name: each for each in verbs["search"].params for name in each.opts}
    if verb == "resume" and option in known:
        return _on_resume(option, known[option])
    if option.lstrip("-") in verbs:
        return f"No such option: {option}; did you mean `automl {option.lstrip('-')}`?"
    words = {each.lstrip("-"): each for each in possibilities}  # the dashes alone make none alike
    if near := difflib.get_close_matches(option.lstrip("-"), words, n=1):
        return f"No such option: {option}; did you mean {words[near[0]]}?"
    return f"No such option: {option}"


def _on_resume(option: str, known: Any) -> str:
    """Return what to say where `resume` is given an `option` that only `search` has."""
    if known.rich_help_panel in (WHAT, BUDGET):
        return f"{option} was settled when the study was made; `automl search` makes another"
    if known.rich_help_panel != SPACE:
        return f"No such option: {option}"
    instead = f"-p {known.name}=RANGE" if known.metavar == "RANGE" else "--space, which gives the whole new space"
    return f"No such option: {option}; use {instead}"


def _plain(text: str) -> str:
    """Return a message of Typer's, and of pydantic's behind it, on one line and in our words."""
    boolean = "Input should be a valid boolean, unable to interpret input"
    return " ".join(text.split()).replace("Value error, ", "").replace(boolean, "must be true or false")
