"""The registry in a relational database: SQLite now; what is dialect is kept apart.

Not here: the meaning of queries (``queries``) and of dimensions (``dimensions``).
Start with ``sqlite.SqliteRegistry``, then ``schema``.
"""
