"""An anomaly detector as a scikit-learn estimator: what is usual is learnt from rows, and odd rows are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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

from suffuse.errors import ModelFileError
from suffuse.model import Model, load
from suffuse.tasks.drift import Drifts, drift
from suffuse.tasks.explain import Explanations, explain
from suffuse.tasks.score import Scores, score
from suffuse_tabular.continuing import continued
from suffuse_tabular.learning import Settings, learn, with_threshold
from suffuse_tabular.rows import Rows
from suffuse_tabular.ways import WAYS

FACTS = "detector"
"""What a model's facts hold of the detector that it is."""


class DiffusionDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Finds rows unlike those that it was fitted on, by what a diffusion model would change about them.

    Rows are a numpy array of numbers, a frame of pandas or polars, or an arrow table, whose columns are numbers,
    categories, ordinals, dates and truths, any cells empty. Columns that have names are found by them: their order is
    of no matter.

    Arguments:
        method: ``neighbours``, the exact score of the noised training rows, which needs no training; ``patches``, the
            exact density of patches about them; ``denoiser``, a network that was trained to take noise away; ``mixed``,
            a network for numbers and categories, each under noise of its own kind; ``panel``, several of these
            together; ``robust``, two that odd training rows do not mislead. ``auto``: ``panel``, or if some training
            rows are odd ``robust``.
        contamination: the share of odd rows among those that it is fitted on. The oddest are left out of what is
            learnt, as many as these, of ``robust`` a third at least; and this share of the training rows is called odd.
            ``auto``: the training rows are usual, and one in twenty of such rows is called odd.
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
        "method": [StrOptions({"auto", *WAYS})],
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
        self.method_ = self._chosen()
        self.model_ = learn(WAYS[self.method_], rows, self._settings(), self._told())
        self.offset_ = _offset(self.model_)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn from more usual rows, besides those known already; the first call is :meth:`fit`.

        What remembers rows takes them in, as if it had been fitted on all at once but for what columns are like, which
        stays as it was. Networks are trained on from the weights they have, with the new rows alone. The reference of
        p-values grows by the new rows, or those that networks do not learn from, and the threshold follows. None of
        the new rows is left out as odd.

        Arguments:
            X: rows of the same columns.
            y: ignored.

        Raises:
            UnsupportedError: the method takes in no more, as ``patches`` does not.
        """
        if not hasattr(self, "model_"):
            return self.fit(X)
        self._validate_params()
        self.model_ = with_threshold(continued(self.model_, self._rows(X), self._settings()), self._told())
        self.offset_ = _offset(self.model_)
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

    def explain(self, X: Any, **options: Any) -> Explanations:
        """Why rows are odd, column by column, and what they would be if they were not.

        Arguments:
            X: rows; each is explained.
            options: those of :func:`suffuse.tasks.explain.explain`, as ``parts``.

        Returns:
            one for each row; ``rows()`` gives a table.
        """
        check_is_fitted(self)
        return explain(self.model_, self._rows(X), **options)

    def drift(self, X: Any, **options: Any) -> Drifts:
        """Which columns are not as they were when it was fitted, and whether its scores are.

        Arguments:
            X: rows as they come now.
            options: those of :func:`suffuse.tasks.drift.drift`, as ``rate``.
        """
        check_is_fitted(self)
        return drift(self.model_, self._rows(X), **options)

    def save(self, path: str | Path) -> Path:
        """Write what was learnt into one ``.safetensors`` file, which every verb takes for a model."""
        check_is_fitted(self)
        return replace(self.model_, facts={**self.model_.facts, FACTS: self._facts()}).save(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A fitted detector from the file that :meth:`save` wrote.

        A ``random_state`` that is no number, and the device, are not in the file.

        Raises:
            ModelFileError: the file is missing or broken, or holds a model that no detector was.
        """
        model = load(path)
        told = model.facts.get(FACTS)
        if told is None or model.calibration is None or model.calibration.threshold is None:
            raise ModelFileError(
                "holds no detector", field=str(path), expected="a file that DiffusionDetector.save wrote",
                fix="suffuse.load(path).score(rows) scores by any model",
            )  # fmt: skip
        made = cls(**told["parameters"])
        made.model_, made.method_, made.n_features_in_ = model, told["method"], told["features"]
        if told["names"] is not None:
            made.feature_names_in_ = np.array(told["names"], dtype=object)
        made.offset_ = _offset(model)
        return made

    def _facts(self) -> dict[str, Any]:
        """What a file holds of it besides the model."""
        names = getattr(self, "feature_names_in_", None)
        seed = self.random_state if isinstance(self.random_state, int | np.integer) else None
        parameters = {**self.get_params(), "random_state": None if seed is None else int(seed), "device": None}
        return {
            "parameters": parameters, "method": self.method_, "features": self.n_features_in_,
            "names": None if names is None else list(map(str, names)),
        }  # fmt: skip

    def _settings(self) -> Settings:
        seed = int(check_random_state(self.random_state).randint(2**31))
        return Settings(self.codec or {}, self.recipe or {}, float(self.held_out), seed, self.device)

    def _told(self) -> float | None:
        """The share of odd rows that is told."""
        return None if self.contamination == "auto" else float(self.contamination)

    def _scores(self, X: Any) -> Scores:
        check_is_fitted(self)
        return score(self.model_, self._rows(X))

    def _rows(self, X: Any, reset: bool = False) -> Rows:
        """What scikit-learn takes for X, as rows."""
        if isinstance(X, Rows) or (_has_columns(X) and (reset or hasattr(self, "feature_names_in_"))):
            rows = Rows.of(X)
            if reset:
                self.n_features_in_ = len(rows.names)
                self.feature_names_in_ = np.array(rows.names, dtype=object)
            return rows
        names = None if reset else getattr(self, "feature_names_in_", None)
        if isinstance(X, np.ma.MaskedArray):
            X = np.ma.filled(X.astype(np.float64), np.nan)
        array = validate_data(self, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan")
        return Rows.of(array, names)

    def _chosen(self) -> str:
        """The method: of rows that are usual a panel, of rows some of which are odd one that these cannot mislead."""
        if self.method != "auto":
            return self.method
        return "panel" if self.contamination == "auto" else "robust"

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _offset(model: Model) -> float:
    assert model.calibration is not None
    assert model.calibration.threshold is not None
    return -model.calibration.threshold


def _has_columns(X: Any) -> bool:
    return hasattr(X, "__arrow_c_stream__") or hasattr(X, "__dataframe__")
