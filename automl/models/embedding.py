"""Learnt vectors for categories, so that a network for numbers can read a table.

    embedding = CategoryEmbedding(5, cardinalities=(3, 40))      # rows of three numbers and two categories
    embedding(rows).shape                                        # (batch, 3 + 3 + 13)

After Guo and Berkhahn, "Entity Embeddings of Categorical Variables", 2016.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def embedding_size(cardinality: int) -> int:
    """Return the length of the vectors for so many categories.

    Guo and Berkhahn choose by hand, between 1 and the number of categories. This is the rule of thumb that fastai found
    by experiment (Howard and Gugger, "fastai: A Layered API for Deep Learning", 2020; `emb_sz_rule`).
    """
    return min(600, round(1.6 * math.pow(cardinality, 0.56)))


class CategoryEmbedding(nn.Module):
    """Leaves the first columns of a row as they are, and puts a learnt vector for each index in the last ones.

    Index 0 is what a column has for a missing or unknown category. Its vector begins as zeros, so that what was never
    seen in training adds nothing.

    Args:
        n_features: columns of a row.
        cardinalities: of each of the last columns, how many indices it has.
    """

    def __init__(self, n_features: int, *, cardinalities: Sequence[int]) -> None:
        super().__init__()
        self.n_numbers = n_features - len(cardinalities)
        self.tables = nn.ModuleList(nn.Embedding(n, embedding_size(n)) for n in cardinalities)
        for weight in self.tables.parameters():
            nn.init.zeros_(weight.data[0])
        self.width = self.n_numbers + sum(map(embedding_size, cardinalities))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_features) -> (batch, width)."""
        indices = x[:, self.n_numbers :].long()
        vectors = [table(indices[:, column]) for column, table in enumerate(self.tables)]
        return torch.cat([x[:, : self.n_numbers], *vectors], dim=1)
