"""Learning curves of small networks on 17 data sets, from a network that has learnt them: LCBench as a surrogate.

    surrogate = Surrogate("3945")
    errors, seconds = surrogate.curves([{"batch_size": 64, "learning_rate": 0.01, ...}])     # each (1, 52)

LCBench (Zimmer et al., "Auto-PyTorch Tabular", 2021) trained 2,000 configurations of a funnel-shaped MLP on each data
set for 52 epochs. YAHPO Gym (Pfisterer et al., 2022) fitted a residual network to what was measured, which is evaluated
here by numpy alone: 7 parameters and an epoch in, validation accuracy and the seconds since the start of the training
out.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).parents[2] / "data" / "hpo"
N_EPOCHS = 52
Floats = NDArray[np.float64]


@functools.cache
def _weights() -> dict[str, NDArray[np.float32]]:
    with np.load(DATA / "lcbench.npz") as file:
        return dict(file)


@functools.cache
def facts() -> dict[str, Any]:
    """Return what `lcbench.json` has: the parameters, how inputs and outputs are scaled, the instances."""
    found: dict[str, Any] = json.loads((DATA / "lcbench.json").read_text())
    return found


class Surrogate:
    """The network, for one data set: `instance` is its number at OpenML."""

    def __init__(self, instance: str) -> None:
        self._inputs = facts()["inputs"]
        w = _weights()
        embedding = w["embedding"][facts()["instances"][instance]["row"]]
        known, self._first = np.split(w["first"], [len(embedding)])
        self._bias = w["first.bias"] + embedding @ known

    def curves(
        self, configurations: Sequence[Mapping[str, float]], *, epochs: range = range(1, N_EPOCHS + 1)
    ) -> tuple[Floats, Floats]:
        """Return validation errors in percent and the seconds since the start, after each epoch: two (n, epochs)."""
        n = len(configurations)
        columns = np.repeat(self._columns(configurations), len(epochs), axis=0)
        errors, seconds = self._predict(columns, np.tile(np.array(epochs, dtype=float), n))
        return errors.reshape(n, -1), np.maximum.accumulate(seconds.reshape(n, -1), axis=1)

    def errors(self, configurations: Sequence[Mapping[str, float]]) -> Floats:
        """Return the validation errors after the last epoch, in percent: (n,)."""
        return self.errors_of(self._columns(configurations))

    def errors_of(self, columns: Floats) -> Floats:
        """Return the same for an array (n, 7) of the parameters, in the order of `facts()["inputs"]`."""
        return self._predict(columns, np.full(len(columns), float(N_EPOCHS)))[0]

    def _columns(self, configurations: Sequence[Mapping[str, float]]) -> Floats:
        names = [each["name"] for each in self._inputs[1:]]
        return np.array([[float(params[name]) for name in names] for params in configurations])

    def _predict(self, columns: Floats, epochs: Floats) -> tuple[Floats, Floats]:
        given = np.column_stack([epochs, columns])
        for i, each in enumerate(self._inputs):
            value = np.log(given[:, i]) if each["log"] else given[:, i]
            given[:, i] = (value - each["shift"]) / each["scale"]
        w = _weights()
        h = given.astype(np.float32) @ self._first + self._bias
        for i in range(3):  # each norm of the blocks is part of the matrix after it
            z = h @ w[f"block{i}.in"] + w[f"block{i}.in.bias"]
            half = z.shape[1] // 2
            gated = z[:, :half] * np.maximum(z[:, half:], 0)
            h = h + gated @ w[f"block{i}.out"] + w[f"block{i}.out.bias"]
        h = np.maximum(h * w["last.scale"] + w["last.shift"], 0) @ w["head"] + w["head.bias"]
        share = 1 / (1 + np.exp(-h.astype(np.float64)))
        scale = facts()["outputs"]
        seconds = share[:, 0] * scale["seconds"]["scale"] + scale["seconds"]["shift"]
        accuracy = np.exp(share[:, 1] * scale["accuracy"]["scale"] + scale["accuracy"]["shift"])
        return 100 - accuracy, seconds
