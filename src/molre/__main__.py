"""``python -m molre``."""

from molre.cli.main import main

main()
