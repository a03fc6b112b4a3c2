"""Migrations: what leads the tables of an older pantler to those of this one.

Not here: the tables as they are now (`pantler.registry.sql.schema`).
Start with `plan.Migration`; a step is a file of its own, which is never changed again.
"""
