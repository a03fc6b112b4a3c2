"""Sky maps: divisions of the sky into tracts and patches.

Not here: putting them into a repository (``ingest``).
Start with ``interface.SkyMap``.
"""
