"""How the learning rate changes while a network is trained.

schedules()                         every parameter at its usual range
schedules(schedule="cosine|warm-up")

Lengths are shares of training, so that they mean the same whatever the number of epochs.
"""

from __future__ import annotations

from search_spaces.presets import branch
from search_spaces.space import DistributionLike, SearchSpace


def schedules(
    *,
    schedule: DistributionLike = "constant|step|cosine|one-cycle|warm-up|reduce-on-plateau",
    lr_drops: DistributionLike = "1..4",
    lr_factor: DistributionLike = "0.1..0.5",
    lr_floor: DistributionLike = "0.0..0.1",
    lr_rise: DistributionLike = "0.1..0.5",
    lr_warm_up: DistributionLike = "0.01..0.2",
    lr_patience: DistributionLike = "2..10",
) -> SearchSpace:
    """Schedules of the learning rate: which one, and what each alone has.

    Args:
        schedule: some of constant; step, which drops at times fixed before; cosine (Loshchilov and Hutter, "SGDR",
            2017, without restarts); one-cycle, up and down again (Smith and Topin, "Super-Convergence", 2018); warm-up,
            a short rise, then a straight fall to 0 (Devlin et al., "BERT", 2019); reduce-on-plateau, which drops
            whenever validation stops getting better.
        lr_drops: of step: how often it drops, evenly over training. He et al. ("Deep Residual Learning", 2016) twice,
            Zagoruyko and Komodakis ("Wide Residual Networks", 2016) three times.
        lr_factor: of step and reduce-on-plateau: what a drop multiplies the rate by. 0.1 in He et al. and as PyTorch's
            default, 0.2 in Zagoruyko and Komodakis, 0.5 the mildest that PyTorch's documentation of ReduceLROnPlateau
            advises.
        lr_floor: of cosine: rate at the end, as a share of the highest. 0 in PyTorch, 0.1 in GPT-3 (Brown et al.,
            2020).
        lr_rise: of one-cycle: share of training in which the rate rises. 0.3 in PyTorch; a cycle of Smith and Topin
            rises as long as it falls.
        lr_warm_up: of warm-up: share of training in which the rate rises. 0.01 in BERT, 0.06 where RoBERTa (Liu et al.,
            2019) is fine-tuned, 0.1 in ELECTRA (Clark et al., 2020).
        lr_patience: of reduce-on-plateau: epochs without a better one that are borne with. 10 in PyTorch; fewer where
            there are few epochs.
    """
    own: dict[str, dict[str, DistributionLike]] = {
        "step": {"lr_drops": lr_drops, "lr_factor": lr_factor},
        "cosine": {"lr_floor": lr_floor},
        "one-cycle": {"lr_rise": lr_rise},
        "warm-up": {"lr_warm_up": lr_warm_up},
        "reduce-on-plateau": {"lr_factor": lr_factor, "lr_patience": lr_patience},
    }
    return branch("schedule", schedule, own)
