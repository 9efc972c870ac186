"""Claim: every sampler converges at its nominal order under every schedule, or has the right distribution.

The oracle is a Gaussian mixture, whose posterior is exact.

Deterministic samplers (``strong``): the error is the root mean square distance of 64 end states to a solution of 4,000
classical Runge-Kutta steps, between the noise levels σ/α = 4 and 0.05; the order is the slope of log error over log
steps. Two grids: noise levels evenly spaced in log σ/α, the same under every schedule, and times evenly spaced in the
schedule's own t, which differ. Multistep rules are handed true values for the times before the first step: by itself
the first step is Euler's, and would be most of the error. At equal noise levels a sampler must end at the same x/α
under every schedule; ``spread`` is how far the errors are apart, relative.

Stochastic samplers (``weak``) have no trajectory to converge to, but a distribution: the error is that of mean and
covariance of many end states, to be compared with that of as many exact samples; the order is its slope from 8 steps to
the last count whose error stands clear of chance. Moves that should leave a marginal as it is start from true states.

Samplers of categories (``chains``): the exact chain on all states of three dependent entries, nothing drawn; the error
is the total variation between its end and the data. One entry alone is to be exact at any number of steps; several are
not, because their beliefs are drawn from independently.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.chains import chain_rows
from benchmarks.report import markdown, parser, save, show
from benchmarks.strong import FITTED, Flow, error_rows, order_rows, tolerance_rows
from benchmarks.weak import distribution_rows, marginal_rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    command = parser(__doc__)
    command.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as a page of documentation")
    command.add_argument("--count", type=int, default=64, help="trajectories of deterministic samplers")
    command.add_argument("--reference", type=int, default=4000, metavar="STEPS", help="of the solution compared with")
    command.add_argument("--samples", type=int, default=1 << 17, help="end states of stochastic samplers")
    options = command.parse_args(arguments)
    torch.set_num_threads(1)
    flow = Flow(options.count, options.reference)
    tables = {
        "Convergence order, measured": order_rows(flow, FITTED),
        "Error, steps even in log σ/α": error_rows(flow),
        "The adaptive solver: evaluations and error": tolerance_rows(flow),
        "Stochastic samplers: error of mean and covariance": distribution_rows(options.samples),
        "What should leave the marginal as it is": marginal_rows(options.samples),
        "Categories: total variation from the data": chain_rows(),
    }
    for title, rows in tables.items():
        show(title, rows)
    names = ("orders", "errors", "tolerances", "distributions", "marginals", "chains")
    save(options.json, **dict(zip(names, tables.values(), strict=True)))
    if options.markdown is not None:
        page = "\n".join(f"## {title}\n\n{markdown(rows)}" for title, rows in tables.items())
        head = "# Samplers: orders and errors\n\nWritten by `python -m benchmarks.order`, which says how.\n\n"
        options.markdown.write_text(head + page, encoding="utf-8")


if __name__ == "__main__":
    main()
