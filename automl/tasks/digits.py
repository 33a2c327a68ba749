"""Handwritten digits: 1,797 grey images of 8x8 pixels, as scikit-learn ships them; nothing is downloaded.

They are the test part of "Optical Recognition of Handwritten Digits" in the UCI repository (Alpaydin and Kaynak, 1998,
CC BY 4.0).
"""

from __future__ import annotations

from automl.goals import Classification
from automl.tasks.base import Split, Task, standardized

GOAL = Classification(n_classes=10, metrics=("acc", "loss"))  # the classes are as many: others would say the same


def _read(seed: int) -> Split:
    import torch
    from sklearn.datasets import load_digits

    digits = load_digits()
    inputs = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)  # (1797, 1, 8, 8), 0 to 16
    return standardized(inputs, torch.tensor(digits.target, dtype=torch.int64), goal=GOAL, seed=seed)


DIGITS = Task(
    name="digits",
    description="1,797 handwritten digits, grey images of 8x8 pixels, 10 classes",
    archs=("mlp", "cnn"),
    metrics=("val_acc", "val_loss"),
    metric="val_acc",
    read=_read,
)
