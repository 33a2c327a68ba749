"""A task made of a table: which column is to be predicted, and from what, is found in the file and said.

task = open_table("churn.csv", column="churn")
task.metric                     # "val_acc": the column holds classes
task.facts["columns"]           # {"number": ["age", ...], "category": ["plan", ...], "date": []}
task.load(seed=0).train         # tensors, prepared by what the training part shows

predictor = load_predictor("automl_runs/churn-1/trials/7/artifacts")
predictor(new_rows)             # the class of each row of a DataFrame
"""

from __future__ import annotations

from automl.tasks.tables.predictor import Predictor, load_predictor
from automl.tasks.tables.table import Table, check_unchanged, open_table

__all__ = ["Predictor", "Table", "check_unchanged", "load_predictor", "open_table"]
