"""Sound for suffuse."""
