"""The application: what keeps state and talks to people and to programs.

It is built on ``gis``, which knows nothing of it.
"""
