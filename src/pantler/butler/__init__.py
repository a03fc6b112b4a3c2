"""The butler, for users, and the repository, for the rooms above: one door to all data.

Not here: pipelines and their execution (``quanta``, ``execution``).
Start with ``interface.Butler``, then ``repository.Repository``.
"""
