"""A search in Python: open this file as a notebook (each `# %%` begins a cell), or run it.

python examples/notebook.py
"""

# %% What to minimize: a function of a trial, with whatever you train with. Here: scikit-learn, no network.
from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import automl
from search_spaces import Categorical, Float, SearchSpace

images, labels = load_digits(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(images / 16, labels, random_state=0, stratify=labels)


def objective(trial: automl.Trial) -> dict[str, float]:
    model = SGDClassifier(loss="log_loss", learning_rate="constant", random_state=trial.seed, **trial.params)
    for epoch in range(1, trial.max_epochs + 1):
        model.partial_fit(x_train, y_train, classes=np.arange(10))
        val_loss = log_loss(y_val, model.predict_proba(x_val))
        trial.report(epoch, val_loss=val_loss)  # what early stopping judges, and what MLflow draws
    return {"val_loss": val_loss, "val_acc": model.score(x_val, y_val)}


space = SearchSpace(
    {
        "alpha": Float(1e-6, 1e-1, log=True),
        "eta0": Float(1e-3, 1.0, log=True),
        "penalty": Categorical(["l2", "l1", "elasticnet"]),
        "l1_ratio": Float(0.0, 1.0),
    },
    when={"l1_ratio": {"penalty": "elasticnet"}},
)

# %% Search. It shows a line a trial; interrupting the cell saves the state.
result = automl.search(objective, space, metric="val_loss", n_trials=20, max_epochs=18)

# %% What was found: the best trial, and all of them as a table.
best = result.best_trial
print(f"trial {best.number}: {best.values} with {best.params}")
print(result.to_pandas().sort_values("value").head().to_string(index=False))

# %% A larger budget later: ten trials more. A function of a notebook cannot be found by its name, so give it again.
result = automl.resume(result.name, objective, n_trials=30)
print(f"{result.name}: {result.best_trial.value:.4f} is the best of {len(result.trials)} trials")
