"""``python -m suffuse``: the command line, for launchers that start a module."""

from suffuse.cli import main

main()
