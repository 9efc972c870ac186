"""What suffuse claims about itself, measured: one module a claim, each run as ``python -m benchmarks.NAME``."""
