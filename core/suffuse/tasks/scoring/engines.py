"""Who scores batches: threads of this process, other processes on this machine, or those of a Ray cluster.

An engine is handed batches as they are read, and gives their scores in the same order. Whoever scores one does it by
:func:`suffuse.tasks.scoring.columns.score_batch` with the same scorer, so that nothing else depends on the engine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch

from suffuse.errors import RecipeError, SuffuseError, unknown_name
from suffuse.tasks.scoring.columns import Layout, Scored, score_batch
from suffuse.tasks.scoring.files import Engine
from suffuse.tasks.scoring.scorer import Scorer
from suffuse.tasks.scoring.shipping import Shipment
from suffuse.tasks.scoring.sources import Batch

AHEAD = 2
"""Batches that a worker has: one is scored while the next is on its way."""


def make_engine(name: str = "local", workers: int | None = None) -> Engine:
    """An engine by its name.

    Arguments:
        name: ``local``, ``processes`` or ``ray``.
        workers: how many score. Left out: a thread or a process for each processor that torch may use, one alone for a
            GPU; of ``ray``, one for each processor of the cluster, or for each GPU if the model is on one.

    Raises:
        RecipeError: there is no such engine, or fewer than one worker.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES, RecipeError, field="engine")
    if workers is not None and workers < 1:
        raise RecipeError("must be at least 1", field="workers", got=workers)
    return ENGINES[name](workers)


def in_order(batches: Iterator[Batch], submit: Callable[[Batch], Callable[[], Scored]], ahead: int) -> Iterator[Scored]:
    """What others make of batches, in their order; reading waits while enough is under way.

    Whatever ends the reading, all that was read before is given first.

    Arguments:
        batches: as they are read.
        submit: hands one over; what it gives waits for the scores.
        ahead: how many are under way at most.
    """
    waiting: deque[Callable[[], Scored]] = deque()
    broken: Exception | None = None
    reading = True
    while reading or waiting:
        while reading and len(waiting) < ahead:
            try:
                batch = next(batches)
            except StopIteration:
                reading = False
            except Exception as error:
                reading, broken = False, error
            else:
                waiting.append(submit(batch))
        if waiting:
            yield waiting.popleft()()
    if broken is not None:
        raise broken


def in_threads(
    scorer: Scorer, layout: Layout, batches: Iterator[Batch], workers: int | None = None
) -> Iterator[Scored]:
    """Threads of this process, which share the model; this one reads ahead and writes meanwhile."""
    threads = torch.get_num_threads()
    crew, each = _shared_out(scorer, workers)
    score = partial(score_batch, scorer, layout=layout)
    try:
        with ThreadPoolExecutor(crew, "score", torch.set_num_threads, (each,)) as pool:
            try:
                yield from in_order(batches, lambda batch: pool.submit(score, batch).result, AHEAD * crew)
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        torch.set_num_threads(threads)  # what a thread sets, those that begin after it have too


def _shared_out(scorer: Scorer, workers: int | None) -> tuple[int, int]:
    """How many workers, and how many of torch's threads each has; one worker alone for a GPU."""
    threads = torch.get_num_threads()
    crew = workers or (threads if scorer.model.device.type == "cpu" else 1)
    return crew, max(1, threads // crew)


def in_processes(
    scorer: Scorer, layout: Layout, batches: Iterator[Batch], workers: int | None = None
) -> Iterator[Scored]:
    """Processes on this machine, each with a model of its own: for items that are encoded by Python, step by step.

    Raises:
        SuffuseError: one of them died.
    """
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    from suffuse.tasks.scoring import worker

    crew, each = _shared_out(scorer, workers)
    begin = partial(worker.begin, Shipment.of(scorer), layout, each)
    with ProcessPoolExecutor(crew, get_context("spawn"), begin) as pool:
        try:
            yield from in_order(batches, lambda batch: pool.submit(worker.score, batch).result, AHEAD * crew)
        except BrokenProcessPool as error:
            raise SuffuseError(
                "a worker died", field="workers", got=error, fix="fewer workers or smaller batches take less memory"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _local(workers: int | None) -> Engine:
    return partial(in_threads, workers=workers)


def _processes(workers: int | None) -> Engine:
    return partial(in_processes, workers=workers)


def _ray(workers: int | None) -> Engine:
    from suffuse.tasks.scoring.cluster import on_ray

    return partial(on_ray, workers=workers)


ENGINES: Mapping[str, Callable[[int | None], Engine]] = {"local": _local, "processes": _processes, "ray": _ray}
"""How engines are made, by name."""
