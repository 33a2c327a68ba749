"""What using a search space costs: drawing and checking points of one with 30 parameters of every kind.

    seconds_to_sample(10_000, seed=1)           seconds_to_validate(10_000, seed=1)

Conditions of the space are nested, have alternatives, and ask for intervals; there are no relations, which cost what
they compute.
"""

from __future__ import annotations

import gc
import random
import time

from search_spaces import SearchSpace

SPACE = SearchSpace.parse(
    """
    arch: mlp|cnn|rnn|transformer prior cnn
    depth: 1..12 default 4
    width: 16..1024 log default 128
    dropout: 0.0..0.6 step 0.05
    activation: relu|gelu|tanh|elu|sigmoid|leaky_relu|selu
    residual: true|false when depth>=4
    norm: none|batch|layer when arch=cnn|mlp and depth>=2
    norm.momentum: 0.01..0.5 log when norm=batch
    layers: small=[64, 64]|big=[256, 256]|deep=[64, 64, 64, 64] when arch=mlp
    cnn.kernel: 3<5<7<9 when arch=cnn
    cnn.stride: 1|2 when arch=cnn and cnn.kernel>=5
    cnn.pool: max|avg|none when arch=cnn
    cnn.pool.size: 2..4 when cnn.pool=max or cnn.pool=avg
    rnn.cell: rnn|lstm|gru when arch=rnn
    rnn.bidirectional: true|false when rnn.cell=lstm|gru
    heads: 1<2<4<8<16 default 4 when arch=transformer
    head_width: 8..128 step 8 when arch=transformer
    attention.dropout: 0.0..0.5 when arch=transformer and dropout<0.3 or arch=transformer and depth>=8
    optimizer: sgd|adam|adamw|rmsprop prior adam high
    lr: 1e-5..1e-1 log prior 1e-3
    momentum: 0.0..0.99 when optimizer=sgd or optimizer=rmsprop
    nesterov: true|false when optimizer=sgd and momentum>0.5
    beta1: 0.8..0.99 default 0.9 when optimizer=adam|adamw
    beta2: 0.9..0.9999 default 0.999 when optimizer=adam|adamw
    weight_decay: 1e-6..1e-1 log
    batch_size: 16<32<64<128<256 prior 64
    schedule: constant|step|cosine
    schedule.step: 1..50 log when schedule=step
    warmup: 0..10 when schedule=cosine and lr>1e-3 or arch=transformer
    seed: =7
    """
)


def seconds_to_sample(points: int, *, seed: int) -> float:
    """Return the seconds of processor time that it takes to draw so many points."""
    rng = random.Random(seed)
    began = time.process_time()
    for _ in range(points):
        SPACE.sample(rng)
    return time.process_time() - began


def seconds_to_validate(points: int, *, seed: int) -> float:
    """Return the seconds of processor time that it takes to check one point, of so many different ones."""
    rng = random.Random(seed)
    drawn = [SPACE.sample(rng) for _ in range(points)]
    gc.collect()
    began = time.process_time()
    for point in drawn:
        SPACE.validate(point)
    return (time.process_time() - began) / points
