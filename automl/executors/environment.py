"""What workers see of the driver's environment: all but secrets on its own host, little elsewhere.

    environment = Environment.of(os.environ, env=["HF_TOKEN"], block=["PIP_INDEX_URL"])
    environment.held_back                       # ("AWS_SECRET_ACCESS_KEY", "PIP_INDEX_URL")
    with environment.inherited():               # what starts here inherits the rest
        ray.init()
    environment.apply()                         # in a worker of a cluster that somebody else started

Objectives are code that people find, install and run; they need no password of the ledger, the tracker or a cloud. A
variable is held back by the words of its name, by a URL with a password in its value, or because the user says so; the
user may let one through. What Ray needs for itself stays Ray's.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Self

from automl.redaction import is_secret

_OURS = "AUTOML_STORAGE"
"""For the driver and its deliveries alone, with a password or without."""
_RAYS = re.compile(r"RAY_.*|.*_VISIBLE_.*|OMP_NUM_THREADS|ONEAPI_DEVICE_SELECTOR|PYTHONPATH|LD_.*")
"""What Ray gives each worker for itself, or what a process has to be started with."""
_ELSEWHERE = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_.*|TZ|TERM|TMPDIR|VIRTUAL_ENV|CONDA_.*|"
    r"(PYTHON|LD_|CUDA_|NVIDIA_|OMP_|MKL_|AUTOML_|RAY_).*|.*_VISIBLE_.*|ONEAPI_DEVICE_SELECTOR"
)
"""What a worker on another host keeps of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The driver's environment, as far as workers may see it."""

    host: str
    seen: Mapping[str, str]
    """What workers on the driver's own host see."""
    given: Mapping[str, str]
    """What workers elsewhere get of it: what the user named, and options of automl."""
    env: tuple[str, ...]
    block: tuple[str, ...]
    held_back: tuple[str, ...]
    """The names that were there and that workers do not see."""

    @classmethod
    def of(cls, variables: Mapping[str, str], *, env: Iterable[str] = (), block: Iterable[str] = ()) -> Self:
        """Return what workers may see of `variables`; `env` are let through, `block` held back, whatever they are."""
        env, block = tuple(env), tuple(block)
        held = tuple(sorted(name for name, value in variables.items() if _is_held_back(name, value, env, block)))
        seen = {name: value for name, value in variables.items() if name not in held}
        return cls(
            host=socket.gethostname(),
            seen=seen,
            given={name: value for name, value in seen.items() if name in env or name.startswith("AUTOML_")},
            env=env,
            block=block,
            held_back=held,
        )

    @contextlib.contextmanager
    def inherited(self) -> Iterator[None]:
        """Take what is held back out of this process's environment for the block."""
        kept = {name: os.environ.pop(name) for name in self.held_back if name in os.environ}
        try:
            yield
        finally:
            os.environ.update(kept)

    def apply(self, variables: MutableMapping[str, str] | None = None, *, host: str | None = None) -> None:
        """Make this process's environment what a worker on `host` may see; of Ray's own it keeps what it has."""
        variables = os.environ if variables is None else variables
        is_here = (host or socket.gethostname()) == self.host
        new = self.seen if is_here else self.given
        for name, value in list(variables.items()):
            is_allowed = is_here or name in self.env or _ELSEWHERE.fullmatch(name)
            if not is_allowed or _is_held_back(name, value, self.env, self.block):
                del variables[name]
        variables.update({name: value for name, value in new.items() if not _RAYS.fullmatch(name)})


def _is_held_back(name: str, value: str, env: tuple[str, ...], block: tuple[str, ...]) -> bool:
    if name in block:
        return True
    if name in env or name.startswith("RAY_"):
        return False
    return name == _OURS or is_secret(name, value)
