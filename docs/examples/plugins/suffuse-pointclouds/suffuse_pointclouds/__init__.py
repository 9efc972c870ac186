"""Clouds of points in the plane, for suffuse."""
