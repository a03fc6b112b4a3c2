"""Storage: bytes at a URI, written all or not at all.

Not here: what the bytes mean (``formatters``) or whose they are (``datastores``).
Start with ``interface.Storage`` and ``opening.open_storage``.
"""
