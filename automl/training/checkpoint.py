"""Save all that training needs to go on, and load it into a model and optimizer made anew. No pickle.

A checkpoint is a folder of two files: `tensors.safetensors` with the weights, the optimizer's state, the weights kept
so far and the states of the random generators; `progress.json` with the numbers. Loading one runs no code from it.

    with trial.checkpoint(step) as folder:
        save(folder, model=model, optimizer=optimizer, kept=weights, progress={"epoch": step})
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn, optim

TENSORS = "tensors.safetensors"
PROGRESS = "progress.json"


def save(
    folder: Path,
    *,
    model: nn.Module,
    optimizer: optim.Optimizer,
    kept: Mapping[str, Tensor],
    progress: Mapping[str, Any],
) -> None:
    """Write a checkpoint into `folder`.

    Args:
        folder: an empty folder.
        model: its parameters and buffers are saved.
        optimizer: its tensors by parameter are saved; its settings are not, they come from the trial's params.
        kept: weights of the best epoch so far, by name; may be empty.
        progress: whatever JSON can hold, NaN and infinity excepted.
    """
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"kept/{name}": tensor for name, tensor in kept.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": value for key, value in state.items() if isinstance(value, Tensor)}
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / TENSORS)
    (folder / PROGRESS).write_text(json.dumps(progress, allow_nan=False), encoding="utf-8")


def load(folder: Path, *, model: nn.Module, optimizer: optim.Optimizer) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Bring model, optimizer and random generators to where `save` saw them; return `(progress, kept)`.

    Raises:
        RuntimeError: the checkpoint is of another network.
    """
    tensors = load_file(folder / TENSORS)
    model.load_state_dict(_below("model/", tensors))
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _below("optimizer/", tensors).items():
        index, _, key = name.partition("/")
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random/cpu"])
    if "random/cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random/cuda"])
    return json.loads((folder / PROGRESS).read_text(encoding="utf-8")), _below("kept/", tensors)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
