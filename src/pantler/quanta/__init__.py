"""Quanta: every unit of work of a pipeline, known before anything runs.

Not here: running them (``execution``).
Start with ``graph.QuantumGraph`` and ``build.build_graph``.
"""
