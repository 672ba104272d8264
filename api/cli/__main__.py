"""``python -m api.cli`` is the command ``lianpian``."""

from api.cli import main

main()
