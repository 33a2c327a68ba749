"""Recurrent networks: layers that read a sequence step by step, for text, sound and other series.

rnn()                               every parameter at its usual range
rnn(cell="lstm", bidirectional=False, size="small")
"""

from __future__ import annotations

from search_spaces.presets import Size, branch, by_size
from search_spaces.space import DistributionLike, SearchSpace


def rnn(
    *,
    size: Size = "medium",
    cell: DistributionLike = "rnn|lstm|gru",
    n_layers: DistributionLike = None,
    width: DistributionLike = None,
    bidirectional: DistributionLike = "true|false",
    activation: DistributionLike = "tanh|relu",
    readout: DistributionLike = "last|mean|max",
) -> SearchSpace:
    """Recurrent networks: cell, depth, width, direction, and how a sequence becomes one vector.

    Greff et al. ("LSTM: A Search Space Odyssey", 2017) search one layer of 20 to 200 units on a log scale; Merity,
    Keskar and Socher ("Regularizing and Optimizing LSTM Language Models", 2018) use three layers of 1150.

    Args:
        size: small, medium or large: which ranges of depth and width are meant where none is given.
        cell: as `rnn.cell`: the simple cell of Elman, 1990; the LSTM of Hochreiter and Schmidhuber, 1997; the GRU of
            Cho et al., 2014.
        n_layers: layers one above another, as `rnn.n_layers`.
        width: units of each layer and direction, as `rnn.width`.
        bidirectional: whether a second network reads from the end (Schuster and Paliwal, 1997), as
            `rnn.bidirectional`. Give False where the future must not be seen.
        activation: of the simple cell, as `rnn.activation`; the other cells have fixed ones. What PyTorch's RNN takes
            as `nonlinearity`; ReLU as in Le, Jaitly and Hinton, 2015.
        readout: which of the outputs stand for the sequence, as `rnn.readout`: the last one, or their mean or maximum
            over time (Conneau et al., "Supervised Learning of Universal Sentence Representations", 2017).
    """
    return branch("rnn.cell", cell, {"rnn": {"rnn.activation": activation}}) | {
        "rnn.n_layers": by_size(n_layers, size, small="1..2", medium="1..3", large="2..4"),
        "rnn.width": by_size(width, size, small="16..128 log", medium="32..512 log", large="256..2048 log"),
        "rnn.bidirectional": bidirectional,
        "rnn.readout": readout,
    }
