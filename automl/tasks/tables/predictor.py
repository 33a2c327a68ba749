"""Use what a search has found: the artifacts of a trial become a function from rows to predictions.

    predictor = load_predictor("automl_runs/churn-1/trials/7/artifacts")
    predictor(pd.read_csv("new.csv"))               # a Series: the class of each row, or the number
    predictor.probabilities(pd.read_csv("new.csv")) # a DataFrame with a column a class

The folder can be copied anywhere; it holds the weights, the params of the network, and what prepares rows for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from automl.errors import ConfigError
from automl.tasks.base import PREPARATION
from automl.tasks.tables.prepare import Preparation
from automl.tasks.tables.target import Label

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictor:
    """A trained network, and what it needs of a row."""

    target: str
    """The column that is predicted."""
    classes: tuple[Label, ...] | None
    """None for a number."""
    mean: float
    scale: float
    preparation: Preparation
    model: nn.Module

    def __call__(self, frame: pd.DataFrame) -> pd.Series:
        """Return the prediction for each row: a class as it is called in the table, or a number in the units of it.

        Args:
            frame: has the columns of the table that were used; others, the target too, are passed over.

        Raises:
            ConfigError: columns are missing.
        """
        outputs = self._outputs(frame)
        if self.classes is None:
            values = outputs.squeeze(1).double() * self.scale + self.mean
            return pd.Series(values.numpy(), index=frame.index, name=self.target)
        labels = [self.classes[index] for index in outputs.argmax(dim=1).tolist()]
        return pd.Series(labels, index=frame.index, name=self.target)

    def probabilities(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the probability of each class, a column each, for each row.

        Raises:
            ConfigError: columns are missing, or what is predicted is a number.
        """
        if self.classes is None:
            raise ConfigError(f"{self.target!r} is a number: it has no probabilities of classes")
        shares = self._outputs(frame).double().softmax(dim=1)
        return pd.DataFrame(shares.numpy(), index=frame.index, columns=list(self.classes))

    def _outputs(self, frame: pd.DataFrame) -> Tensor:
        missing = [name for name in self.preparation.names if name not in frame.columns]
        if missing:
            raise ConfigError(f"the rows lack the columns {', '.join(missing)}, which the network was trained with")
        import torch

        from automl.training.loop import EVALUATION_BATCH

        with torch.inference_mode():
            parts = torch.split(self.preparation.inputs(frame), EVALUATION_BATCH)
            return torch.cat([self.model(part) for part in parts])


def load_predictor(folder: str | Path) -> Predictor:
    """Load what a trial on a table has kept.

    Args:
        folder: with the trial's artifacts: `<home>/<study>/trials/<number>/artifacts`, or a copy of it.

    Raises:
        ConfigError: they are not there.
    """
    from safetensors.torch import load_file

    from automl.models import build_model
    from automl.training.loop import WEIGHTS

    folder = Path(folder)
    missing = [name for name in (WEIGHTS, PREPARATION) if not (folder / name).is_file()]
    if missing:
        raise ConfigError(
            f"{folder} has no {' and no '.join(missing)}; expected the artifacts of a COMPLETE trial on a table: "
            "one that was stopped early has none"
        )
    kept = json.loads((folder / PREPARATION).read_text(encoding="utf-8"))
    preparation = Preparation.from_dict(kept["columns"])
    classes = tuple(kept["classes"]) if kept["classes"] else None
    model = build_model(
        kept["params"],
        input_shape=(preparation.n_features,),
        n_outputs=len(classes) if classes else 1,
        cardinalities=preparation.cardinalities,
    )
    model.load_state_dict(load_file(folder / WEIGHTS))
    model.eval()
    return Predictor(
        target=kept["target"],
        classes=classes,
        mean=kept.get("mean", 0.0),
        scale=kept.get("scale", 1.0),
        preparation=preparation,
        model=model,
    )
