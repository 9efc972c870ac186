"""Training: objective, loop, moving averages, checkpoints, exact resume."""
