"""Datastores: where datasets are, and how to read and write them.

Not here: what exists (``registry``); the two meet only in ``butler``.
Start with ``interface.Datastore``.
"""
