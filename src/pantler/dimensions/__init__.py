"""Dimensions: the coordinates by which astronomers name data.

Not here: how records are stored (``registry``) or asked for (``queries``).
Start with ``universe.Universe``, then ``coordinate.DataCoordinate``.
"""
