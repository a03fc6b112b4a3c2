"""File: quantum graphs in a file from which one quantum is read without the others.

Not here: what a graph is (``graph``).
Start with ``graph_file.GraphFile`` and ``graph_file.write_graph``.
"""
