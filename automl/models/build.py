"""From the flat params of a trial to a network: `arch` picks the class, `<arch>.*` and `dropout` are its arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from automl.models.cnn import CNN
from automl.models.layers import named
from automl.models.mlp import MLP

ARCHITECTURES: dict[str, type[nn.Module]] = {"mlp": MLP, "cnn": CNN}


def build_model(
    params: Mapping[str, Any], *, input_shape: tuple[int, ...], n_outputs: int, cardinalities: Sequence[int] = ()
) -> nn.Module:
    """Return a network, (batch, *input_shape) -> (batch, n_outputs), with fresh weights.

    Args:
        params: of a trial. `arch` is mlp or cnn; without it, the one whose `<arch>.` begins a name, else mlp. What is
            absent has the default of the class; what other architectures and the training read is passed over.
        input_shape: of one example, without the batch.
        n_outputs: a logit for each class, or one for a number.
        cardinalities: of rows that end in indices of categories, how many each of these columns has.

    Raises:
        ValueError: an unknown `arch`, or a value that the network does not know.
        TypeError: the network has no argument of a name that begins with `<arch>.`.
    """
    present = [arch for arch in ARCHITECTURES if any(name.startswith(f"{arch}.") for name in params)]
    arch = params.get("arch", present[0] if len(present) == 1 else "mlp")
    network = named(ARCHITECTURES, arch, param="arch")
    own = {name.removeprefix(f"{arch}."): value for name, value in params.items() if name.startswith(f"{arch}.")}
    if "dropout" in params:
        own["dropout"] = params["dropout"]
    if cardinalities:
        own["cardinalities"] = cardinalities
    return network(input_shape=input_shape, n_outputs=n_outputs, **own)
