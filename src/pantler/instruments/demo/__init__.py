"""The demo camera: a small mosaic that exists only here, and raw frames of it.

Not here: anything that real cameras share (``instruments``).
Start with ``camera.DemoCamera`` and ``simulator.simulate``.
"""
