"""Sky: regions on the sphere, pixels that cover them, and which regions overlap.

Not here: which dimensions have regions (``universe``).
Start with ``regions.Region``, then ``pixels`` and ``region_array.RegionArray``.
"""
