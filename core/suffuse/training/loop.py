"""The training loop: a generator of steps that anybody may watch or stop.

What a step does depends on ``(recipe, step)`` and the weights alone, so a run that was killed and resumed equals the
run that was never stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from suffuse.conditions import move_conditions
from suffuse.denoise import Preconditioned
from suffuse.recipe import Recipe
from suffuse.rng import Rng, digest, seeded
from suffuse.state import to
from suffuse.training.batches import Batch, Source
from suffuse.training.best import Best
from suffuse.training.criterion import Criterion
from suffuse.training.ema import Average, make_decay
from suffuse.training.optimizer import learning_rate, make_optimizer, set_learning_rate


@dataclass(frozen=True)
class Progress:
    """One optimizer step, made.

    Arguments:
        step: how many were made.
        loss: the mean loss of the step's batch; on the device, so that only reading it waits.
        gradient_norm: before clipping.
        learning_rate: of this step.
    """

    step: int
    loss: Tensor
    gradient_norm: Tensor
    learning_rate: float


class Trainer:
    """Everything that changes while a model trains.

    Arguments:
        recipe: says how.
        criterion: the loss, with the network inside.
        accelerator: device, precision and processes.
    """

    def __init__(self, recipe: Recipe, criterion: Criterion, accelerator: Accelerator) -> None:
        self.recipe = recipe
        self.accelerator = accelerator
        self.criterion = criterion.to(accelerator.device)
        self.average = Average(criterion.denoiser.network, make_decay(recipe.ema))
        patience = recipe.train.patience
        self.best = None if patience is None else Best(self.average.network, patience)
        self.wrapped, self.optimizer = accelerator.prepare(criterion, make_optimizer(criterion, recipe.optimizer))
        self.step = 0

    @property
    def network(self) -> nn.Module:
        """The network that is trained."""
        return self.criterion.denoiser.network

    @property
    def averaged(self) -> Preconditioned:
        """The average network under the same preconditioning."""
        return self._denoiser(self.average.network)

    @property
    def outcome(self) -> Preconditioned:
        """The denoiser that a model is made of: the average, or the best one where there is patience."""
        return self.averaged if self.best is None or not self.best.step else self._denoiser(self.best.network)

    @property
    def finished(self) -> bool:
        """Whether all steps are made, or patience has come to its end."""
        return self.step >= self.recipe.train.steps or (self.best is not None and self.best.spent)

    def _denoiser(self, network: nn.Module) -> Preconditioned:
        trained = self.criterion.denoiser
        return Preconditioned(network, trained.process, trained.predict.name, trained.sigma_data).eval()

    def modules(self) -> dict[str, nn.Module]:
        """What a checkpoint holds, by name."""
        best = {} if self.best is None else {"best": self.best.network}
        return {"network": self.network, "ema": self.average.network, **best, **self.criterion.helpers()}

    def steps(self, batches: Source) -> Iterator[Progress]:
        """Train from the current step to the recipe's last, or to the end of patience, yielding after each."""
        accumulate = self.recipe.train.accumulate
        source = batches.since(self.step * accumulate)
        self.wrapped.train()
        while not self.finished:
            yield self._one([next(source) for _ in range(accumulate)])

    def _one(self, parts: list[Batch]) -> Progress:
        rate = learning_rate(self.recipe.optimizer, self.step, self.recipe.train.steps)
        set_learning_rate(self.optimizer, rate)
        # dropout's noise is keyed like all other noise
        seed = digest("dropout", self.recipe.train.seed, self.accelerator.process_index, self.step)
        with seeded(seed, self.accelerator.device):
            losses = [self._backward(part, micro, len(parts)) for micro, part in enumerate(parts)]
        norm = self.accelerator.clip_grad_norm_(self.criterion.parameters(), self.recipe.optimizer.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.average.update(self.step)
        return Progress(self.step, torch.stack(losses).mean(), norm, rate)

    def _backward(self, part: Batch, micro: int, count: int) -> Tensor:
        """Add one part's gradient; the processes exchange theirs at the last part only."""
        device, rank, size = self.accelerator.device, self.accelerator.process_index, self.recipe.train.batch
        rng = Rng.of(range(rank * size, (rank + 1) * size)).at("train", self.recipe.train.seed, self.step, micro)
        alone = micro + 1 < count
        with self.accelerator.no_sync(self.wrapped) if alone else nullcontext():
            loss: Tensor = self.wrapped(to(part.x0, device), move_conditions(part.conditions, device), rng)
            self.accelerator.backward(loss / count)
        return loss.detach()
