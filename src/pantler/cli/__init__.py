"""The ``pantler`` command.

Not here: logic that a Python user would want too; it calls the rooms below.
Start with ``main.main``.
"""
