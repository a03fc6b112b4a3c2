"""File: quantum graphs in a file from which one quantum is read without the others.

Not here: what a graph is (``graph``).
Start with ``reading.GraphFile`` and ``writing.write_graph``.
"""
