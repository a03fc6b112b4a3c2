"""Join: relations of integer columns, made consistent and projected.

Not here: which relations a pipeline needs (``building``).
Start with ``relations.Relation`` and ``reduction.reduce_relations``.
"""
