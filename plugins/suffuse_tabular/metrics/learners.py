"""What learners make of generated rows: whether they tell them from real ones, and what they learn from them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from suffuse_tabular.cells import Floats
from suffuse_tabular.metrics.view import View

FOLDS = 5
MOST_CLASSES = 200
"""Categories that a learner is told apart; boosting has room for 255."""

Task = Literal["classes", "number"]


def two_sample_auroc(real: View, made: View, learner: Callable[[View], BaseEstimator], seed: int = 0) -> float:
    """How well a learner tells made rows from real ones: its out-of-fold AUROC, where 0.5 is not at all.

    As many of either kind, so that guessing gains nothing. 0.5 ± 0.03 is chance at a thousand rows of each.

    Arguments:
        real: rows of the test part.
        made: generated ones.
        learner: :func:`trees` or :func:`linear`.
        seed: of the draw of rows and of folds.
    """
    count = min(len(real), len(made))
    real, made = real.drawn(count, seed), made.drawn(count, seed)
    folds = min(FOLDS, count)
    if folds < 2:
        return float("nan")
    x = np.concatenate([matrix(real), matrix(made)])
    y = np.repeat([0, 1], count)
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a linear rule is good enough before it has converged
        told = cross_val_predict(learner(real), x, y, cv=parts, method="predict_proba")[:, 1]
    return float(roc_auc_score(y, told))


def trees(view: View) -> BaseEstimator:
    """Gradient boosting, which finds what is off in any combination of columns."""
    return HistGradientBoostingClassifier(random_state=0, **_boosting(view))


def linear(view: View) -> BaseEstimator:
    """Logistic regression, which finds what is off in means and shares."""
    count, width = len(view.numbers), len(view.numbers) + len(view.categories)
    scaled = make_pipeline(SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts = ((scaled, slice(0, count)), (one_hot, slice(count, width)))
    columns = make_column_transformer(*(part for part in parts if part[1].start < part[1].stop))
    return make_pipeline(columns, LogisticRegression(max_iter=200))


def taught(teacher: View, test: View, target: str) -> dict[str, float]:
    """What gradient boosting that learns a column from some rows gets right on the test part.

    Arguments:
        teacher: rows to learn from, made or real.
        test: rows of the test part.
        target: the column; rows that lack it are left out.

    Returns:
        ``score``: macro F1 where the column is of categories, R² where it is of numbers; and ``accuracy`` of
        categories.
    """
    if target in test.numbers:
        teacher, test = (part.take(~np.isnan(part.numbers[target])) for part in (teacher, test))
        x, unseen = teacher.without(target), test.without(target)
        line = HistGradientBoostingRegressor(random_state=0, **_boosting(x)).fit(matrix(x), teacher.numbers[target])
        return {"score": float(r2_score(test.numbers[target], line.predict(matrix(unseen))))}
    teacher, test = (part.take(part.categories[target] >= 0) for part in (teacher, test))
    x, unseen = teacher.without(target), test.without(target)
    classes, truth = teacher.categories[target], test.categories[target]
    rule = DummyClassifier() if len(np.unique(classes)) < 2 else trees(x)
    told = rule.fit(matrix(x), classes).predict(matrix(unseen))
    labels = np.unique(truth)
    return {
        "score": float(f1_score(truth, told, average="macro", labels=labels, zero_division=0.0)),
        "accuracy": float(accuracy_score(truth, told)),
    }


def matrix(view: View) -> Floats:
    """Numbers, then codes of categories, side by side, float64 ``[rows, columns]``, NaN where a cell is empty."""
    codes = [np.where(x < 0, np.nan, np.minimum(x, MOST_CLASSES)) for x in view.categories.values()]
    return np.stack([*view.numbers.values(), *codes], axis=1)


def _boosting(view: View) -> dict[str, Any]:
    categorical = [False] * len(view.numbers) + [True] * len(view.categories)
    return {"categorical_features": categorical, "early_stopping": False}
