"""Queries: expression text to tree, to bound tree, to a query that a registry answers.

Not here: any SQL (``registry``), or opening a repository (``butler``).
Start with ``query.Query``, then ``tree``.
"""
