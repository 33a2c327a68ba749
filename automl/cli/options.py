"""The options: the same name, text and environment variable in every command that has one.

Each can be set by a variable: `AUTOML_MAX_EPOCHS=12` is `--max-epochs 12`; the command line wins. Numbers arrive as the
text that was typed, so that everything wrong with a command line is said at once, in our words (`automl.cli.values`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from automl import tasks
from automl.cli import completion, given
from automl.cli.output import Format
from automl.config import DIRECTIONS, EARLY_STOPPING, EXECUTORS, SAMPLERS, TRACKERS
from search_spaces import architectures

WHAT, SPACE, BUDGET, RUN, KEEP, SHOW = "What", "Search space", "Budget", "Where it runs", "Where it is kept", "Output"


NAMES: dict[str, Sequence[str]] = {}
"""Option -> the names that its value is one of, or begins with."""


def option(*names: str, help: str, panel: str | None = None, among: Sequence[str] = (), **more: Any) -> Any:
    """Return an option that the variable `AUTOML_` and its long name sets too, unless `envvar` is None.

    Args:
        names: short and long name.
        help: one line.
        panel: of the help, in which it stands.
        among: names to offer for its value.
        **more: as `typer.Option` takes them.
    """
    long = max(names, key=len)
    variable = f"AUTOML_{long.lstrip('-').replace('-', '_').upper()}" if long.startswith("--") else None
    if among:
        NAMES[long] = among
        more.setdefault("autocompletion", completion.among(among))
    return typer.Option(*names, help=help, rich_help_panel=panel, **{"envvar": variable, **more})


def _remember_verbose(context: typer.Context, value: bool) -> bool:
    if value and isinstance(context.obj, dict):
        context.obj["verbose"] = True
    return value


def _text(name: str, metavar: str, help: str, panel: str, default: str | bool = True, among: Sequence[str] = ()) -> Any:
    return option(name, metavar=metavar, help=help, panel=panel, show_default=default, among=among)


Study = Annotated[
    str,
    typer.Argument(metavar="STUDY", help="Name of a study; `automl ls` lists them.", autocompletion=completion.studies),
]
Trial = Annotated[str, typer.Argument(metavar="TRIAL", help="Number of a trial.")]
Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help=f"A task ({', '.join(tasks.names())}), a data file (.csv, .parquet), your own file.py:function, or a "
        "study file (.yaml, .json).",
        is_eager=True,  # a study file gives the other options their defaults
        callback=given.read_target,
        autocompletion=completion.among(tasks.names()),
    ),
]

Column = Annotated[str | None, _text("--target", "COLUMN", "Of a data file: the column to predict.", WHAT)]
Name = Annotated[str | None, _text("--name", "NAME", "Name of the study.", WHAT, "TARGET-1, TARGET-2, ...")]
Metric = Annotated[
    list[str] | None,
    option(
        "--metric",
        metavar="NAME",
        help="What is measured; several make several objectives.",
        panel=WHAT,
        show_default="the task's own, or value",
    ),
]
Direction = Annotated[
    list[str] | None,
    option(
        "--direction",
        metavar="WAY",
        help=f"{' or '.join(DIRECTIONS)}; one for each metric.",
        panel=WHAT,
        show_default="the task's own; a loss is minimized",
        among=DIRECTIONS,
    ),
]
Constraint = Annotated[
    list[str] | None,
    option("--constraint", metavar="LIMIT", help='What a result must keep: "latency_ms <= 5".', panel=WHAT),
]
Seed = Annotated[str | None, _text("--seed", "N", "Seed of everything random.", WHAT, "drawn, and told")]

_SPACES = {"metavar": "FILE|NAME", "panel": SPACE, "autocompletion": completion.spaces}
Spaces = Annotated[
    list[str] | None, option("--space", help="A file, file.py:name or ready space; several are joined.", **_SPACES)
]
Arch = Annotated[
    str | None,
    _text(
        "--arch",
        "A|B",
        f"Networks: {'|'.join(architectures.__all__)}, or none.",
        SPACE,
        "all that the task has",
        [*architectures.__all__, "none"],
    ),
]
Lr = Annotated[str | None, _text("--lr", "RANGE", 'Learning rate, such as "1e-4..1e-1 log".', SPACE)]
WeightDecay = Annotated[str | None, _text("--weight-decay", "RANGE", 'Weight decay, such as "1e-6..1e-2 log".', SPACE)]
Dropout = Annotated[str | None, _text("--dropout", "RANGE", "Dropout, such as 0.0..0.5.", SPACE)]
Optimizer = Annotated[str | None, _text("--optimizer", "RANGE", 'Optimizer, such as "adamw|sgd".', SPACE)]
Params = Annotated[
    list[str] | None,
    option("-p", "--param", metavar="NAME=RANGE", help='Others: batch_size="32|64".', panel=SPACE),
]
Require = Annotated[
    list[str] | None,
    option("--require", metavar="EXPR", help='What must hold: "n_layers * width <= 4096".', panel=SPACE),
]
Forbid = Annotated[
    list[str] | None,
    option("--forbid", metavar="CONDITION", help='What must not: "optimizer=sgd and batch_size=512".', panel=SPACE),
]

_TRIES = {"metavar": "POINT", "help": 'Tried first: "lr=0.1, width=64"; others at their default.', "panel": SPACE}
Tries = Annotated[list[str] | None, option("--try", **_TRIES)]

_WARM = "Learn from other studies; auto: from those most like it."
_WARM_STARTS = {"metavar": "STUDY|auto", "help": _WARM, "panel": SPACE, "autocompletion": completion.studies}
WarmStart = Annotated[list[str] | None, option("--warm-start", **_WARM_STARTS)]

# Those of `resume` have no variable: one that was set for searches would change the space of a study.
NewSpaces = Annotated[
    list[str] | None, option("--space", help="The whole new space; several are joined.", envvar=None, **_SPACES)
]
NewParams = Annotated[
    list[str] | None,
    option("-p", "--param", metavar="NAME=RANGE", help="A new range of one parameter.", panel=SPACE, envvar=None),
]
MoreWarmStart = Annotated[list[str] | None, option("--warm-start", envvar=None, **_WARM_STARTS)]
MoreTries = Annotated[list[str] | None, option("--try", envvar=None, **_TRIES)]

Trials = Annotated[str, _text("--trials", "N", "Trials to ask for.", BUDGET)]
MoreTrials = Annotated[str | None, _text("--trials", "N|+N", "Trials in all, or how many more.", BUDGET)]
Timeout = Annotated[str | None, _text("--timeout", "TIME", "End after 90, 90s, 15m or 1h30m.", BUDGET, "none")]
Budget = Annotated[
    str | None, _text("--budget", "COMPUTE", "End when trials have used 4cpuh, 10gpuh or 90cpumin.", BUDGET, "none")
]
TargetValue = Annotated[str | None, _text("--target-value", "V", "End when a trial is as good.", BUDGET, "none")]
Patience = Annotated[
    str | None, _text("--patience", "N", "End after N trials in a row without a better one.", BUDGET, "none")
]
Worth = Annotated[
    str | None,
    _text("--worth", "D", "End when an hour more promises to better the metric by less than D.", BUDGET, "none"),
]
Confirm = Annotated[
    str | None, _text("--confirm", "K", "Afterwards run the best K again with other seeds.", BUDGET, "0: none")
]
ConfirmSeeds = Annotated[str | None, _text("--confirm-seeds", "N", "How often each of them.", BUDGET, "3")]
TrialTimeout = Annotated[
    str | None, _text("--trial-timeout", "TIME", "End a trial that takes longer: FAIL timeout.", BUDGET, "none")
]
StallTimeout = Annotated[
    str | None,
    _text("--stall-timeout", "TIME", "End a trial that reports nothing for so long: FAIL stalled.", BUDGET, "none"),
]
Retries = Annotated[
    str | None, _text("--retries", "N", "Runs more of a trial whose worker, node or memory was lost.", BUDGET, "1")
]
MaxFailures = Annotated[
    str | None, _text("--max-failures", "N", "End the search when N trials have failed.", BUDGET, "none")
]
Grace = Annotated[str | None, _text("--grace", "TIME", "Time from Ctrl-C or a signal to the end.", BUDGET)]
MaxEpochs = Annotated[
    str | None, _text("--max-epochs", "N", "Full budget of a trial, in steps.", BUDGET, "30 for a task")
]
Sampler = Annotated[str, _text("--sampler", "NAME", f"{', '.join(SAMPLERS)}.", BUDGET, among=SAMPLERS)]
EarlyStopping = Annotated[
    str,
    _text(
        "--early-stopping",
        "RULE",
        f'{", ".join(EARLY_STOPPING)}; or such as "asha eta=4".',
        BUDGET,
        among=EARLY_STOPPING,
    ),
]

Executor = Annotated[
    str,
    _text(
        "--executor", "NAME", f"{' or '.join(EXECUTORS)}; local runs one trial at a time, here.", RUN, among=EXECUTORS
    ),
]
Parallel = Annotated[str | None, _text("--parallel", "N", "Trials at once.", RUN, "as many as fit")]
Cpus = Annotated[str | None, _text("--cpus", "X", "CPUs of a trial; 0.5 puts two on one.", RUN, "1")]
Gpus = Annotated[str | None, _text("--gpus", "X", "GPUs of a trial; 0.5 puts two on one.", RUN, "1 if there is any")]
RayAddress = Annotated[str | None, _text("--ray-address", "ADDRESS", "A Ray cluster.", RUN, "one of its own")]
Env = Annotated[
    list[str] | None,
    option("--env", metavar="VARIABLE", help="One that workers get though it looks like a secret.", panel=RUN),
]
EnvBlock = Annotated[
    list[str] | None, option("--env-block", metavar="VARIABLE", help="One that workers do not get.", panel=RUN)
]
Isolate = Annotated[bool, option("--isolate", help="Give every trial a fresh process.", panel=RUN)]

Home = Annotated[str | None, _text("--home", "DIR", "Folder of all studies.", KEEP, "./automl_runs")]
Storage = Annotated[
    str | None,
    _text("--storage", "URL", "A database for ledgers, postgresql://HOST/DB.", KEEP, "a file in the study's folder"),
]
_ALL = ",".join(TRACKERS)
Tracker = Annotated[
    str,
    _text(
        "--tracker",
        "NAMES",
        f"{' or '.join(TRACKERS)}, both as {_ALL}, or none.",
        KEEP,
        among=(*TRACKERS, _ALL, "none"),
    ),
]
TrackingUri = Annotated[str | None, _text("--tracking-uri", "URI", "An MLflow server.", KEEP, "a store in --home")]

Rebuild = Annotated[bool, option("--rebuild", help="Send everything again; only what is missing is added.", panel=KEEP)]

Takeover = Annotated[
    bool,
    option("--takeover", help="Take it from a driver that lives but hangs; that one writes no more.", envvar=None),
]

# No environment variable sets it: one that is left set would agree to something else later.
Yes = Annotated[bool, option("-y", "--yes", help="Do not ask.", envvar=None)]
Strict = Annotated[bool, option("--strict", help="Refuse if code, data, Python or packages have changed since.")]
DryRun = Annotated[bool, option("--dry-run", help="Print the plan, write it to a study file, run nothing.", panel=SHOW)]
Printed = Annotated[Format, option("-f", "--format", help="How the result is printed.", panel=SHOW)]
Json = Annotated[bool, option("--json", help="Print events as lines of JSON, the result last.", panel=SHOW)]
Quiet = Annotated[bool, option("-q", "--quiet", help="Say nothing while it runs.", panel=SHOW)]
Verbose = Annotated[
    bool, option("-v", "--verbose", help="Show the traceback of an error.", panel=SHOW, callback=_remember_verbose)
]
