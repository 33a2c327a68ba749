"""What a trial gets of the machine after it ran out of memory."""

from __future__ import annotations

import pytest

from automl.shares import Shares
from automl.trial import Reason

OOM, GPU_OOM, OTHER = Reason.OOM, Reason.GPU_OOM, Reason.WORKER_LOST
CASES = [
    ((1.0, 0.0), [], 1, (1.0, 0.0)),
    ((1.0, 0.0), [OOM], 1, (8.0, 0.0)),  # the only retry has the node to itself
    ((1.0, 0.0), [OOM], 2, (2.0, 0.0)),
    ((1.0, 0.0), [OOM, OOM], 3, (4.0, 0.0)),
    ((3.0, 0.0), [OOM, OOM], 3, (8.0, 0.0)),  # no more than there is
    ((9.0, 0.0), [OOM], 1, (9.0, 0.0)),  # nor less than it had
    ((1.0, 0.25), [GPU_OOM], 1, (1.0, 1.0)),
    ((1.0, 0.25), [GPU_OOM], 2, (1.0, 0.5)),
    ((1.0, 2.0), [GPU_OOM], 1, (1.0, 2.0)),
    ((1.0, 0.0), [GPU_OOM], 1, (1.0, 0.0)),  # raised without a GPU
    ((1.0, 0.25), [OTHER, GPU_OOM], 2, (1.0, 1.0)),
    ((1.0, 0.25), [OTHER], 1, (1.0, 0.25)),  # no want of memory
]


@pytest.mark.parametrize(("own", "lost", "retries", "expected"), CASES)
def test_the_share_grows_where_memory_ran_out(
    own: tuple[float, float], lost: list[Reason], retries: int, expected: tuple[float, float]
) -> None:
    """Twice as much each time of the device that it ran out on, all of it at the last retry."""
    shares = Shares(cpus=own[0], gpus=own[1], node_cpus=8.0)

    found = shares.of(lost, retries=retries)

    assert (found["cpus"], found["gpus"]) == expected


@pytest.mark.parametrize(
    ("resources", "places"),
    [({"cpus": 1.0, "gpus": 0.25}, 1), ({"cpus": 1.0, "gpus": 1.0}, 4), ({"cpus": 8.0, "gpus": 0.25}, 8), ({}, 1)],
)
def test_a_larger_share_takes_the_places_of_others(resources: dict[str, float], places: int) -> None:
    """As many as would fit into it, by the device of which it takes most."""
    shares = Shares(cpus=1.0, gpus=0.25, node_cpus=8.0)

    assert shares.places(resources) == places
