"""From a bound query to SQL: joins, predicates, dataset searches, sky overlaps.

Not here: running the statement (``..query``). Start with ``statement``.
"""
