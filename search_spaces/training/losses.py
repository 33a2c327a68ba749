"""What is minimized: the loss with what it alone has, for numbers or classes.

losses()                            of classification
losses("regression", loss="mse|huber")
"""

from __future__ import annotations

from typing import Literal

from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.presets import branch
from search_spaces.scalars import shown
from search_spaces.space import DistributionLike, SearchSpace

LOSSES = {"classification": "cross-entropy|focal|hinge", "regression": "mse|mae|huber"}
"""Kind of problem -> the losses that suit it."""


def losses(
    kind: Literal["classification", "regression"] = "classification",
    *,
    loss: DistributionLike = None,
    focal_gamma: DistributionLike = "0.5..5.0",
    hinge_margin: DistributionLike = "0.1..2.0",
    hinge_power: DistributionLike = "1|2",
    huber_delta: DistributionLike = "0.1..10.0 log",
) -> SearchSpace:
    """Losses: which one, and what each alone has.

    Args:
        kind: classification or regression: which losses there are where `loss` does not name them.
        loss: some of cross-entropy, focal (Lin et al., "Focal Loss for Dense Object Detection", 2017) and hinge
            (Crammer and Singer, 2001, for several classes); of mse, mae and huber (Huber, "Robust Estimation of a
            Location Parameter", 1964).
        focal_gamma: of focal: how much less the examples count that are right already. Lin et al. try 0 (cross-entropy)
            to 5, and use 2.
        hinge_margin: of hinge: how far the right class is to be ahead. 1 in PyTorch's MultiMarginLoss.
        hinge_power: of hinge: 1, or 2 for the squared hinge (Tang, "Deep Learning using Linear Support Vector
            Machines", 2013); what MultiMarginLoss takes as p.
        huber_delta: of huber: the error, in units of the standardized target, from which it counts linearly instead of
            squared. 1 in PyTorch's HuberLoss.

    Raises:
        SearchSpaceError: there is no such kind, or a range cannot be read.
    """
    if kind not in LOSSES:
        raise SearchSpaceError(
            f"kind must be one of {', '.join(LOSSES)}, got {shown(kind)}{did_you_mean(kind, LOSSES)}"
        )
    own: dict[str, dict[str, DistributionLike]] = {
        "focal": {"focal_gamma": focal_gamma},
        "hinge": {"hinge_margin": hinge_margin, "hinge_power": hinge_power},
        "huber": {"huber_delta": huber_delta},
    }
    return branch("loss", LOSSES[kind] if loss is None else loss, own)
