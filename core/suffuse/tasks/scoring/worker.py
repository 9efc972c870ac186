"""A process that scores batches. It loads the model once, when the first batch comes."""

from __future__ import annotations

import signal
from functools import cached_property

import torch

from suffuse.tasks.scoring.columns import Layout, Scored, score_batch
from suffuse.tasks.scoring.scorer import Scorer
from suffuse.tasks.scoring.shipping import Shipment
from suffuse.tasks.scoring.sources import Batch


class Worker:
    """Scores batches by what was sent to it.

    Arguments:
        shipment: the scorer.
        layout: which columns are told.
    """

    def __init__(self, shipment: Shipment, layout: Layout) -> None:
        self.shipment = shipment
        self.layout = layout

    @cached_property
    def scorer(self) -> Scorer:
        """The scorer; unpacked here rather than at once, so that an error is told with a batch."""
        return self.shipment.open()

    def score(self, batch: Batch) -> Scored:
        """See :func:`suffuse.tasks.scoring.columns.score_batch`."""
        return score_batch(self.scorer, batch, self.layout)


class _Here:
    """The worker that a process of a pool is."""

    worker: Worker


def begin(shipment: Shipment, layout: Layout, threads: int) -> None:
    """Make this process a worker. Ctrl-C is for the one that it works for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    _Here.worker = Worker(shipment, layout)


def score(batch: Batch) -> Scored:
    """Score a batch by this process's worker."""
    return _Here.worker.score(batch)
