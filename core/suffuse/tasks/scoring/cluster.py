"""Scoring on a Ray cluster, or on one of this machine alone that is made and unmade for it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

from suffuse.errors import PluginError, RecipeError, SuffuseError
from suffuse.tasks.scoring.columns import Layout, Scored
from suffuse.tasks.scoring.engines import AHEAD, in_order
from suffuse.tasks.scoring.scorer import Scorer
from suffuse.tasks.scoring.shipping import Shipment
from suffuse.tasks.scoring.sources import Batch
from suffuse.tasks.scoring.worker import Worker

ADDRESS = "RAY_ADDRESS"
PATIENCE = 5.0
"""Seconds within which a cluster answers."""
RETRIES = 3
"""How often a worker that was lost is begun anew, and a batch with it."""


def on_ray(scorer: Scorer, layout: Layout, batches: Iterator[Batch], workers: int | None) -> Iterator[Scored]:
    """An actor for each worker; the model lies in the object store once, and each loads it once.

    Files are read here, so that workers need not see them.

    Raises:
        PluginError: ray is not installed.
        RecipeError: there is no cluster at ``RAY_ADDRESS``.
    """
    ray = _ray()
    on_gpu = scorer.model.device.type == "cuda"
    with _cluster(ray, workers):
        crew = workers or max(1, int(ray.cluster_resources().get("GPU" if on_gpu else "CPU", 1)))
        needs = {"num_cpus": 1, "num_gpus": int(on_gpu), "max_restarts": RETRIES, "max_task_retries": RETRIES}
        shipment = ray.put(Shipment.of(scorer))
        actors = [ray.remote(**needs)(Actor).remote([shipment], layout) for _ in range(crew)]
        turns = cycle(actors)
        try:
            yield from in_order(batches, lambda batch: _handed(ray, next(turns), batch), AHEAD * crew)
        finally:
            for actor in actors:
                ray.kill(actor)


class Actor:
    """A worker on the cluster.

    Arguments:
        box: holds the reference of what is sent; in a box, since an actor that is begun anew must fetch it once more.
        layout: which columns are told.
    """

    def __init__(self, box: Sequence[Any], layout: Layout) -> None:
        self.worker = Worker(_ray().get(box[0]), layout)

    def score(self, batch: Batch) -> Scored:
        """See :meth:`suffuse.tasks.scoring.worker.Worker.score`."""
        return self.worker.score(batch)


def _handed(ray: Any, actor: Any, batch: Batch) -> Callable[[], Scored]:
    return partial(_result, ray, actor.score.remote(batch))


def _result(ray: Any, promise: Any) -> Scored:
    """A batch's scores.

    Raises:
        SuffuseError: the worker was lost too often; or the very error that scoring ended in.
    """
    try:
        scored: Scored = ray.get(promise)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayActorError as error:
        raise SuffuseError(
            "a worker was lost too often", field="engine 'ray'", got=error, fix="smaller batches: --batch 1000"
        ) from error
    return scored


@contextmanager
def _cluster(ray: Any, workers: int | None) -> Iterator[None]:
    """A cluster: the one that this process has joined, that of ``RAY_ADDRESS``, one that runs here, or one made for it.

    What was joined here is left again.
    """
    if ray.is_initialized():
        yield
        return
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    told = os.environ.get(ADDRESS)
    if told:
        _knock(told)
    try:
        ray.init("auto", **quiet)
    except (ConnectionError, ValueError, SystemExit) as error:  # ray ends the process where nobody answers as one
        if told or not isinstance(error, ConnectionError):
            raise _unreachable(told, error) from error
        ray.init("local", num_cpus=workers, include_dashboard=False, **quiet)
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """See whether anybody is there: ray itself waits for minutes.

    Raises:
        RecipeError: nobody is.
    """
    place = urlsplit(address if "://" in address else f"//{address}")
    try:
        if place.port is not None:
            socket.create_connection((place.hostname or "", place.port), PATIENCE).close()
    except (OSError, ValueError) as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str | None, error: BaseException) -> RecipeError:
    return RecipeError(
        "cannot be reached", field=ADDRESS, expected="the address of a cluster that runs, as 10.0.0.1:6379",
        got=address, fix=f"begin one (ray start --head), or unset it for one of this machine alone ({error})",
    )  # fmt: skip


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise PluginError(
            "needs ray, which is not installed", field="engine 'ray'", fix='pip install "suffuse[ray]"'
        ) from error
    return ray
