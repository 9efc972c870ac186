"""``python -m suffuse.cli``, where the script is not on the path."""

from suffuse.cli import main

main()
