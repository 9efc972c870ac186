"""The probability flow solved to a tolerance, by steps that it chooses itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.posterior import Denoiser, Time
from suffuse.process import Gaussian, Process, noise_ratio, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling.coordinates import Flow
from suffuse.sampling.integrate import dormand_prince
from suffuse.sampling.loop import Step
from suffuse.sampling.needs import GAUSSIAN, Need
from suffuse.state import State, combine


@dataclass(frozen=True)
class DormandPrince:
    """Adaptive Runge-Kutta of orders 5 and 4 (Dormand & Prince 1980) in flow coordinates, finite at both ends.

    From one time of the grid to the next it takes as many steps as the tolerance asks for, each sample steps of its
    own, so that a sample is the same alone and in any batch; see :mod:`suffuse.sampling.integrate`. The grid only tells
    where it reports: few steps of the grid, down to one, are cheapest. The flow ends at ``sigma_min``, from where the
    belief is taken for the data.

    Arguments:
        rtol, atol: the tolerance of one step, relative and absolute, in the scale of the data.
        sigma_min: the noise level σ/α from which the last step, of first order, goes to σ = 0.
        max_evaluations: within one step of the grid.

    Raises:
        RecipeError: an argument is not positive; in a step, the tolerance was not met within ``max_evaluations``.
    """

    rtol: float = 1e-3
    atol: float = 1e-3
    sigma_min: float = 2e-3
    max_evaluations: int = 1000
    needs: ClassVar[Need[Gaussian]] = GAUSSIAN

    def __post_init__(self) -> None:
        for name in ("rtol", "atol", "sigma_min", "max_evaluations"):
            if not getattr(self, name) > 0.0:
                raise RecipeError("must be positive", field=name, expected="> 0", got=getattr(self, name))

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        process = self.needs.of(process, self)
        flow = Flow(process.schedule)
        if noise_ratio(process.schedule, s) > 0.0:
            x_s = self._solve(flow, denoiser, now.x, now.t, s, conditions)
            return now.to(x_s, s, denoiser(x_s, s, conditions))
        x, t = now.x, now.t
        if noise_ratio(process.schedule, t) > self.sigma_min:
            t = time_of_ratio(process.schedule, self.sigma_min)
            x = self._solve(flow, denoiser, x, now.t, t, conditions)
        posterior = denoiser(x, t, conditions)
        return now.to(process.transfer(x, posterior, t, s), s, posterior)

    def _solve(self, flow: Flow, denoiser: Denoiser, x: State, t: float, s: float, conditions: Conditions) -> State:
        """x_s of x_t."""

        def slope(u: Time, y: State) -> State:
            return flow.slope(y, u, flow.belief(denoiser, y, u, conditions))

        (c_t, u_t), (c_s, u_s) = flow.at(t), flow.at(s)
        y, _ = dormand_prince(
            slope, combine((1.0 / c_t, x)), u_t, u_s, self.rtol, self.atol, u_t - u_s, self.max_evaluations
        )
        return combine((c_s, y))
