"""Items made until as many as were asked for have passed their filters."""

from suffuse.tasks.filtering.filters import Asked, find_filter, judged, make_filters
from suffuse.tasks.filtering.rounds import TRIES, Kept, Made, Misfit, fill

__all__ = ["TRIES", "Asked", "Kept", "Made", "Misfit", "fill", "find_filter", "judged", "make_filters"]
