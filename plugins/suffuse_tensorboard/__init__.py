"""An observer that writes what a training logs for TensorBoard."""
