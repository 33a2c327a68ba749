"""Handwritten digits: 1,797 grey images of 8x8 pixels, as scikit-learn ships them; nothing is downloaded.

They are the test part of "Optical Recognition of Handwritten Digits" in the UCI repository (Alpaydin and Kaynak, 1998,
CC BY 4.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl.tasks.base import Task

if TYPE_CHECKING:
    from torch import Tensor


def _read() -> tuple[Tensor, Tensor]:
    import torch
    from sklearn.datasets import load_digits

    digits = load_digits()
    inputs = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)  # (1797, 1, 8, 8), 0 to 16
    return inputs, torch.tensor(digits.target, dtype=torch.int64)


DIGITS = Task(
    name="digits",
    description="1,797 handwritten digits, grey images of 8x8 pixels, 10 classes",
    input_shape=(1, 8, 8),
    n_classes=10,
    archs=("mlp", "cnn"),
    read=_read,
)
