"""The core's own conformance checks, a file for each thing that they look at.

Each takes a :class:`suffuse.testing.Case` and raises :class:`~suffuse.testing.CheckFailure` where the domain fails.
They are registered by :mod:`suffuse.builtin`, as a plugin's are.
"""
