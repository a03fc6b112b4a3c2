"""Instruments: what a camera is, and how its headers read.

Not here: putting it into a repository (``ingest``).
Start with ``instrument.Instrument``.
"""
