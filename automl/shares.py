"""What a trial gets of the machine, and how much more when its memory was not enough.

shares = Shares(cpus=1.0, gpus=0.25, node_cpus=8.0)
shares.of([])                                       # {"cpus": 1.0, "gpus": 0.25}
shares.of([Reason.GPU_OOM], retries=2)              # {"cpus": 1.0, "gpus": 0.5}: with fewer others on its GPU
shares.of([Reason.GPU_OOM] * 2, retries=2)          # {"cpus": 1.0, "gpus": 1.0}: the last try, alone on it

Nobody can say beforehand how much memory a trial takes. What can be had is fewer neighbours: a trial that asks for a
larger share of a device shares it with fewer others. If it runs out of memory alone, its params are infeasible here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from automl.trial import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What each trial gets, and the most that there is for one."""

    cpus: float = 1.0
    gpus: float = 0.0
    node_cpus: float = 0.0
    """CPUs of the largest node: whoever has them has the node's memory for itself."""

    def of(self, lost: Sequence[Reason], *, retries: int = 0) -> dict[str, float]:
        """Return the share of a trial whose earlier attempts were `lost`, of `retries` that it has in all.

        Each time that memory ran out doubles the share of the device that it ran out on: of a GPU its memory, of CPUs
        the node's. The last retry has the device to itself.
        """
        is_last = len(lost) >= retries
        host, gpu = lost.count(Reason.OOM), lost.count(Reason.GPU_OOM)
        return {
            "cpus": _enlarged(self.cpus, host, is_last=is_last, whole=self.node_cpus),
            "gpus": _enlarged(self.gpus, gpu, is_last=is_last, whole=1.0 if self.gpus else 0.0),
        }

    def places(self, resources: Mapping[str, float]) -> int:
        """Return how many ordinary trials would fit into `resources`, at least 1."""
        own = {"cpus": self.cpus, "gpus": self.gpus}
        return max([1, *(math.ceil(resources.get(kind, 0.0) / share - 1e-9) for kind, share in own.items() if share)])


ONE_CPU = Shares()


def _enlarged(share: float, times: int, *, is_last: bool, whole: float) -> float:
    """Return `share` doubled so many times, or all of the device; never less than it was."""
    if not times:
        return share
    return max(share, whole if is_last else min(share * 2**times, whole))
