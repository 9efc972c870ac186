"""A scorer on its way to another process: its model as the bytes of a file, which need not be there."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from suffuse.tasks.scoring.cutting import WHOLE, Cutting
from suffuse.tasks.scoring.scorer import Scorer
from suffuse.tasks.statistics import Statistic
from suffuse.trained import Trained


@dataclass(frozen=True)
class Shipment:
    """What a scorer is made of, fit to be sent.

    Arguments:
        model: a model file's bytes, which hold the calibration too.
        statistic: what oddness is measured by.
        asked: the conditions under which items are scored.
        device: where the model computed; it does so there again.
        cutting, batch: as of the scorer.
    """

    model: bytes
    statistic: Statistic
    asked: Mapping[str, Sequence[Any]]
    device: str
    cutting: Cutting = WHOLE
    batch: int | None = None

    def __hash__(self) -> int:
        return hash(self.model)

    @classmethod
    def of(cls, scorer: Scorer) -> Shipment:
        """Pack a scorer.

        Raises:
            StorageError: there is no room for the model among the temporary files.
        """
        calibrated = replace(scorer.model, calibration=scorer.calibration)
        with tempfile.TemporaryDirectory() as folder:
            data = calibrated.save(_file(folder)).read_bytes()
        return cls(data, scorer.statistic, scorer.asked, str(scorer.model.device), scorer.cutting, scorer.batch)

    def open(self) -> Scorer:
        """The scorer, its model loaded.

        Raises:
            PluginError: the model's domain is not installed here.
            ModelFileError: a newer suffuse has sent it.
        """
        with tempfile.TemporaryDirectory() as folder:
            _file(folder).write_bytes(self.model)
            model = Trained.read(_file(folder)).to(self.device)
        return Scorer(model, self.statistic, model.calibration, self.asked, self.cutting, self.batch)


def _file(folder: str) -> Path:
    return Path(folder) / "model.safetensors"
