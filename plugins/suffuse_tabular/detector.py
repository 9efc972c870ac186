"""An anomaly detector as a scikit-learn estimator: what is usual is learnt from rows, and odd rows are found."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from suffuse.tasks.score import Scores, score
from suffuse_tabular.engines import ENGINES
from suffuse_tabular.learning import Learner
from suffuse_tabular.rows import Rows


class DiffusionDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Finds rows unlike those that it was fitted on, by what a diffusion model would change about them.

    Rows are a numpy array of numbers, a frame of pandas or polars, or an arrow table, whose columns are numbers,
    categories, ordinals, dates and truths, any cells empty. Columns that have names are found by them: their order is
    of no matter.

    Arguments:
        method: ``neighbours``, the exact score of the noised training rows, which needs no training; ``denoiser``, a
            network that was trained to take noise away; ``mixed``, a network for numbers and categories, each under
            noise of its own kind; ``auto`` chooses without looking at any label.
        contamination: the share of odd rows among those that it is fitted on. They are left out of what is learnt, and
            as many of the training rows are called odd. ``auto``: the training rows are usual, and one in twenty of
            such rows is called odd.
        held_out: the share of the training rows on which networks that are trained are calibrated.
        codec: what kinds columns are of, as the section ``codec`` of a recipe.
        recipe: sections that change how it learns, as ``{"train": {"steps": 500}}``.
        random_state: keys weights, noise and order.
        device: where a network computes.

    Attributes:
        model_: the model, with all verbs.
        method_: the method that was chosen.
        offset_: ``decision_function`` is ``score_samples`` less this.
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "method": [StrOptions({"auto", *ENGINES})],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0.0, 0.5, closed="right")],
        "held_out": [Interval(Real, 0.0, 1.0, closed="neither")],
        "codec": [dict, None],
        "recipe": [dict, None],
        "random_state": ["random_state"],
        "device": [str, torch.device, None],
    }

    def __init__(
        self,
        method: str = "auto",
        *,
        contamination: float | str = "auto",
        held_out: float = 0.2,
        codec: Mapping[str, Any] | None = None,
        recipe: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = 0,
        device: str | torch.device | None = None,
    ) -> None:
        self.method = method
        self.contamination = contamination
        self.held_out = held_out
        self.codec = codec
        self.recipe = recipe
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what usual rows are like.

        Arguments:
            X: rows; two at least.
            y: ignored.

        Raises:
            ValueError: X is no table, or an argument of the detector is wrong.
            DomainInputError: a column cannot be learnt from; it is named.
        """
        self._validate_params()
        rows = self._rows(X, reset=True)
        if len(rows) < 2:
            raise ValueError(f"{type(self).__name__} needs at least 2 rows to learn from; got n_samples = 1")
        self.method_ = self._chosen(rows)
        learner = Learner(
            ENGINES[self.method_],
            self.codec or {},
            self.recipe or {},
            float(self.held_out),
            None if self.contamination == "auto" else float(self.contamination),
            int(check_random_state(self.random_state).randint(2**31)),
            self.device,
        )
        self.model_ = learner.learn(rows)
        assert self.model_.calibration is not None
        assert self.model_.calibration.threshold is not None
        self.offset_ = -self.model_.calibration.threshold
        return self

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """How usual rows are: the lower, the odder; float64 ``[rows]``."""
        value: NDArray[np.float64] = self._scores(X).value.numpy()
        return -value

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """As :meth:`score_samples`, below 0 for rows that are called odd."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:
        """1 for usual rows, -1 for odd ones."""
        return np.where(self.decision_function(X) < 0.0, -1, 1)

    def p_values(self, X: Any) -> NDArray[np.float64]:
        """The share of usual rows that are at least as odd: float64 ``[rows]``, in (0, 1].

        For rows like those that it was fitted on it is at most p with a probability of p (conformal prediction), so
        that :func:`suffuse.conformal.benjamini_hochberg` finds odd rows at a false discovery rate.
        """
        found = self._scores(X).p
        assert found is not None
        told: NDArray[np.float64] = found.numpy()
        return told

    def save(self, path: str | Path) -> Path:
        """Write what was learnt into one ``.safetensors`` file, which every verb takes for a model."""
        check_is_fitted(self)
        return self.model_.save(path)

    def _scores(self, X: Any) -> Scores:
        check_is_fitted(self)
        return score(self.model_, self._rows(X))

    def _rows(self, X: Any, reset: bool = False) -> Rows:
        """What scikit-learn takes for X, as rows."""
        if _has_columns(X):
            rows = Rows.of(X)
            if reset:
                self.n_features_in_ = len(rows.names)
                self.feature_names_in_ = np.array(rows.names, dtype=object)
            return rows
        names = None if reset else getattr(self, "feature_names_in_", None)
        array = validate_data(self, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan")
        return Rows.of(array, names)

    def _chosen(self, rows: Rows) -> str:
        return "neighbours" if self.method == "auto" else self.method

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _has_columns(X: Any) -> bool:
    return isinstance(X, Rows) or hasattr(X, "__arrow_c_stream__") or hasattr(X, "__dataframe__")
