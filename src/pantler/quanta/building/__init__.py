"""Building: a pipeline matched with what a registry has.

Not here: the result (``graph``), its file (``file``), joins themselves (``join``).
Start with ``build.build_graph``.
"""
