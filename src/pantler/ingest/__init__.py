"""Ingest: raw frames, visits and sky maps into a repository.

Not here: header translation (``instruments``) or tessellations (``skymaps``).
Start with ``raws.ingest_raws``.
"""
