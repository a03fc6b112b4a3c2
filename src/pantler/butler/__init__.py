"""The butler: one door to what exists and where it is.

Not here: pipelines and their execution (``quanta``, ``execution``).
Start with ``interface.Butler``, then ``direct.DirectButler``.
"""
