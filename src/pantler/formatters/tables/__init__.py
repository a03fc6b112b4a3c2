"""Tables: of astropy, polars, pandas, Arrow and numpy, in any format that holds them.

Not here: images (``fits``) and plain values (``plain``).
Start with ``columns.TableColumns``, what all tables are in between.
"""
