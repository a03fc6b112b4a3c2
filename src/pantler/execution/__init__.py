"""Execution: run the quanta of a graph on this machine.

Not here: building graphs (``quanta``).
Start with ``executor.run_graph``.
"""
