"""Who scores batches: this process, others on this machine, or those of a Ray cluster.

An engine is handed batches as they are read, and gives their scores in the same order. Whoever scores one does it by
:func:`suffuse.tasks.scoring.columns.score_batch` with the same scorer, so that nothing else depends on the engine.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from suffuse.errors import RecipeError, SuffuseError, unknown_name
from suffuse.tasks.scoring.columns import Layout, Scored
from suffuse.tasks.scoring.files import Engine, in_this_process
from suffuse.tasks.scoring.scorer import Scorer
from suffuse.tasks.scoring.shipping import Shipment
from suffuse.tasks.scoring.sources import Batch

AHEAD = 2
"""Batches that a worker has: one is scored while the next is on its way."""


def make_engine(name: str = "local", workers: int | None = None) -> Engine:
    """An engine by its name.

    Arguments:
        name: ``local`` or ``ray``.
        workers: processes that score. Left out: ``local`` scores in this one, ``ray`` has one for each processor of the
            cluster, or for each GPU if the model is on one.

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


def in_processes(scorer: Scorer, layout: Layout, batches: Iterator[Batch], workers: int) -> Iterator[Scored]:
    """Processes on this machine, among which its threads are shared out.

    Raises:
        SuffuseError: one of them died.
    """
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    from suffuse.tasks.scoring import worker

    threads = max(1, (os.cpu_count() or 1) // workers)
    begin = partial(worker.begin, Shipment.of(scorer), layout, threads)
    with ProcessPoolExecutor(workers, get_context("spawn"), begin) as pool:
        try:
            yield from in_order(batches, lambda batch: pool.submit(worker.score, batch).result, AHEAD * workers)
        except BrokenProcessPool as error:
            raise SuffuseError(
                "a worker died", field="workers", got=error, fix="fewer workers or smaller batches take less memory"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _local(workers: int | None) -> Engine:
    return in_this_process if workers in (None, 1) else partial(in_processes, workers=workers)


def _ray(workers: int | None) -> Engine:
    from suffuse.tasks.scoring.cluster import on_ray

    return partial(on_ray, workers=workers)


ENGINES: Mapping[str, Callable[[int | None], Engine]] = {"local": _local, "ray": _ray}
"""How engines are made, by name."""
