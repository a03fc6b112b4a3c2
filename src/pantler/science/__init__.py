"""Science: the example tasks, from raw frames to merged source lists.

Not here: the system that runs them; they are its example.
Start with ``isr.IsrTask``.
"""
