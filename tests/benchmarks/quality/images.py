"""Networks that are really trained: convolutional ones on images of clothes, an epoch at a time, for everybody alike.

    images = read(Path("fashion_mnist.npz"))
    for epoch, accuracy in train(params, images, seed=0):
        ...

Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 10,000 of its images to train, 2,000 to validate, all 10,000 of its test
part for the winner. A network trains on one core.
"""

from __future__ import annotations

import functools
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from automl.models import build_model
from automl.training.optim import learning_rate, make_optimizer, set_learning_rate
from search_spaces import SearchSpace, cnn, optimizers, regularization, schedules

N_TRAIN, N_VAL = 10_000, 2_000
MAX_EPOCHS = 12
PARTS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

SPACE: SearchSpace = (
    cnn(size="small", n_blocks="1..3", stride=1, padding="same", activation="relu|gelu|silu|tanh", pool="max|avg")
    | optimizers(optimizer="momentum|adam|adamw").only("optimizer", "lr", "batch_size", "momentum")
    | schedules(schedule="constant|cosine|one-cycle").only("schedule")
    | regularization().only("weight_decay", "dropout", "label_smoothing")
)


@dataclass(frozen=True, slots=True)
class Images:
    """Pixels, standardized, (n, 1, 28, 28), and classes, (n,), of three parts."""

    train: tuple[torch.Tensor, torch.Tensor]
    val: tuple[torch.Tensor, torch.Tensor]
    test: tuple[torch.Tensor, torch.Tensor]


@functools.lru_cache(maxsize=1)
def read(path: Path) -> Images:
    """Return the images of an .npz (`X_train y_train X_test y_test`), or of a folder with the four IDX files."""
    if path.is_dir():
        arrays = [_idx(path, part) for part in PARTS]
    else:
        with np.load(path) as file:
            arrays = [file[name] for name in ("X_train", "y_train", "X_test", "y_test")]
    pixels, classes, test_pixels, test_classes = (torch.from_numpy(array.astype(np.float32)) for array in arrays)
    chosen = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))
    train, val = chosen[:N_TRAIN], chosen[N_TRAIN : N_TRAIN + N_VAL]
    mean, scale = pixels[train].mean(), pixels[train].std()

    def part(images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return ((images - mean) / scale).reshape(-1, 1, 28, 28), labels.reshape(-1).long()

    return Images(part(pixels[train], classes[train]), part(pixels[val], classes[val]), part(test_pixels, test_classes))


def _idx(folder: Path, name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Read an IDX file, packed or not: two zeros, a type, the number of dimensions, each in four bytes, the bytes."""
    plain = folder / name
    content = plain.read_bytes() if plain.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
    n = content[3]
    shape = np.frombuffer(content, ">i4", count=n, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n).reshape(shape)


class Training:
    """A network that trains an epoch at a time; its state can be saved and restored."""

    def __init__(self, params: Mapping[str, Any], images: Images, *, seed: int) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self._params, self._images, self._seed = params, images, seed
        self._model = build_model(params, input_shape=(1, 28, 28), n_outputs=10)
        self._optimizer = make_optimizer(self._model, params)
        self.epoch = 0

    def train_epoch(self) -> None:
        """Train on every image once, in an order of the epoch's own."""
        inputs, targets = self._images.train
        torch.manual_seed(self._seed * 1000 + self.epoch)
        batches = torch.randperm(len(inputs)).split(self._params["batch_size"])
        self._model.train()
        for number, batch in enumerate(batches):
            done = (self.epoch + number / len(batches)) / MAX_EPOCHS
            set_learning_rate(self._optimizer, learning_rate(self._params, done))
            loss = F.cross_entropy(
                self._model(inputs[batch]), targets[batch], label_smoothing=self._params["label_smoothing"]
            )
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
        self.epoch += 1

    def accuracy(self, part: tuple[torch.Tensor, torch.Tensor]) -> float:
        """Return the share of images that get the right class."""
        inputs, targets = part
        self._model.eval()
        with torch.inference_mode():
            outputs = torch.cat([self._model(some) for some in inputs.split(1000)])
        return (outputs.argmax(dim=1) == targets).float().mean().item()

    def save(self, file: Path) -> None:
        """Write all that is needed to go on."""
        state = {"model": self._model.state_dict(), "optimizer": self._optimizer.state_dict(), "epoch": self.epoch}
        torch.save(state, file)

    def restore(self, file: Path) -> None:
        """Go on from what `save` wrote."""
        state = torch.load(file, weights_only=True)
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.epoch = state["epoch"]


def train(params: Mapping[str, Any], images: Images, *, seed: int) -> Iterator[tuple[int, float]]:
    """Yield each epoch of a training and the validation accuracy after it."""
    training = Training(params, images, seed=seed)
    while training.epoch < MAX_EPOCHS:
        training.train_epoch()
        yield training.epoch, training.accuracy(images.val)


def test_accuracy(params: Mapping[str, Any], images: Images, *, epochs: int, seed: int) -> float:
    """Train a winner again, as long as it was, and return its accuracy on the test part."""
    training = Training(params, images, seed=seed)
    while training.epoch < epochs:
        training.train_epoch()
    return training.accuracy(images.test)
