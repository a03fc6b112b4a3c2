"""How PostgreSQL says what SQLAlchemy builds, so that both databases mean the same.

Three things differ from what SQLAlchemy writes by itself:

- text is compared and ordered by code point, as SQLite does it, whatever the language
  of the server is; its length is checked before it comes here;
- integers have 64 bits, also as parameters: a statement is prepared once, and not
  once for each size of its numbers;
- division by zero gives no value, as in SQLite, and is no error.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.postgresql.base import (
    PGDDLCompiler,
    PGTypeCompiler,
)

from pantler.registry.sql.schema import DIVIDED_BY

_DIVISIONS = ("/", "%")


class _Compiler(psycopg.PGCompiler_psycopg):
    """Writes statements."""

    def visit_custom_op_binary(self, element: Any, operator: Any, **kw: Any) -> str:
        if operator.opstring not in _DIVISIONS:
            return str(super().visit_custom_op_binary(element, operator, **kw))  # type: ignore[no-untyped-call]
        left, right = self.process(element.left, **kw), self.process(element.right)
        return f"{left} {operator.opstring} NULLIF({right}, 0)"


class _Types(PGTypeCompiler):
    """Writes types."""

    def visit_INTEGER(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        return str(self.visit_BIGINT(type_, **kw))  # type: ignore[no-untyped-call]

    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:  # noqa: ARG002, N802
        return "TEXT"


class _Definitions(PGDDLCompiler):
    """Writes definitions of tables."""

    def post_create_table(self, table: sa.Table) -> str:
        column = table.info.get(DIVIDED_BY)
        divided = f" PARTITION BY HASH ({column})" if column else ""
        return str(super().post_create_table(table)) + divided  # type: ignore[no-untyped-call]

    def get_column_specification(self, column: sa.Column[Any], **kw: Any) -> str:
        text = str(super().get_column_specification(column, **kw))  # type: ignore[no-untyped-call]
        if isinstance(column.type, sa.String):
            return text.replace(" TEXT", ' TEXT COLLATE "C"', 1)
        return text


class PostgresqlDialect(psycopg.PGDialect_psycopg):
    """SQLAlchemy's dialect, for statements with the server's own parameters."""

    statement_compiler = _Compiler
    type_compiler_cls = _Types
    ddl_compiler = _Definitions
    supports_statement_cache = True

    def __init__(self) -> None:
        super().__init__(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
