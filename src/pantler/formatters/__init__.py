"""Formatters: Python objects to bytes and back.

Not here: where the bytes go (``storage``, ``datastores``).
Start with ``interface.Formatter``.
"""
