"""Search spaces are plain values, useful without a search: compose them, narrow them, draw from them, keep them.

python examples/spaces.py
"""

from __future__ import annotations

import random

from search_spaces import Float, Int, choose, cnn, dumps, mlp, optimizers, regularization

# One of two networks, and how it is trained. `|` joins; where both sides have a parameter, the right one wins.
space = choose("arch", mlp=mlp(n_layers="1..3"), cnn=cnn()) | optimizers(lr="1e-4..1e-2 log") | regularization()

# Parameters of your own: typed, or a line of the grammar. With `when`, one exists only beside certain others.
space |= {"mixup": Float(0.0, 0.4), "ema_steps": Int(1, 64, log=True)}
space |= {"cnn.head": "linear|mlp when arch=cnn", "cnn.head_width": "16..128 log when arch=cnn and cnn.head=mlp"}

# Narrower: what is fixed is a constant, and what can then not exist is gone.
narrow = space.fix(arch="cnn", optimizer="adamw").override(dropout="0.0..0.2")

if __name__ == "__main__":
    print(f"{len(space)} parameters, of which {len(narrow)} remain:")
    print("\n".join(map(str, space.diff(narrow))))

    rng = random.Random(7)
    for _ in range(2):
        params = narrow.sample(rng)
        narrow.validate(params)  # raises with everything that is wrong; here nothing is
        print(params)

    print(dumps(narrow), end="")  # a file for `automl search --space`
