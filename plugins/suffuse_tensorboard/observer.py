"""Scalars and sample sheets of a training, as TensorBoard reads them: ``tensorboard --logdir runs``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from suffuse.training.run import Run


class TensorBoard:
    """Writes each logged step, and the sheets of samples that were drawn at them.

    Arguments:
        folder: where, within the run's.
    """

    def __init__(self, folder: str = "tensorboard") -> None:
        self.folder = folder

    def run_started(self, run: Run) -> None:
        """Open the folder; what it holds of later steps, which a resumed run makes again, no longer counts."""
        self.writer = SummaryWriter(str(run.folder / self.folder), purge_step=run.step + 1)

    def step_finished(self, run: Run, step: int, metrics: Mapping[str, float]) -> None:
        """Write the figures of a step, and its sheet of samples if there is one."""
        for name, value in metrics.items():
            self.writer.add_scalar(name, value, step)
        sheet = run.samples_folder / f"step-{step:07d}.png"
        if sheet.exists():
            with Image.open(sheet) as picture:
                self.writer.add_image("samples", np.asarray(picture.convert("RGB")), step, dataformats="HWC")
        self.writer.flush()

    def run_finished(self, run: Run) -> None:
        """Close the folder."""
        self.writer.close()
