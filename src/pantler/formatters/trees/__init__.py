"""Trees: dictionaries of arrays and plain values, as HDF5, Zarr or ASDF.

Not here: tables (``tables``) and images (``fits``).
Start with ``tree.Tree``.
"""
