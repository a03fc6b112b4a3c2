"""From the version that a registry has to the one that this pantler makes."""

from __future__ import annotations

import json
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from pantler.errors import ConflictError, SchemaError
from pantler.registry.sql.driver import Prepared
from pantler.registry.sql.migrations.to_3 import TO_3

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantler.registry.sql.database import Database
    from pantler.registry.sql.migrations.step import Step

STEPS: Final = (TO_3,)
"""All steps that there ever were, in order."""

_ATTRIBUTE: Final = sa.table("attribute", sa.column("name"), sa.column("value"))


class Migration:
    """What leads one registry to a newer version.

    Parameters
    ----------
    db
        Its database.
    steps
        The steps that there are.

    Attributes
    ----------
    current
        The version that the registry has.
    target
        The version that it will have.
    steps
        What is to be done, in order.

    Raises
    ------
    SchemaError
        If it is no registry, is newer than this pantler, or too old to be migrated.
    """

    def __init__(self, db: Database, steps: Sequence[Step] = STEPS) -> None:
        self._db = db
        attributes = read_attributes(db)
        self.current = _version(db, attributes)
        self.target = steps[-1].version
        self.steps = tuple(step for step in steps if step.version > self.current)
        self._datastores = tuple(json.loads(attributes.get("record_tables", "[]")))
        if self.current > self.target:
            raise newer_error(db, attributes)
        if self.steps and self.steps[0].version != self.current + 1:
            raise SchemaError(
                f"'{db.driver.where}' has schema version {self.current}, which no "
                "pantler can migrate. Make the repository again."
            )

    @property
    def is_online(self) -> bool:
        """Whether a pantler of the current version can be at work meanwhile."""
        return all(step.readable_since <= self.current for step in self.steps)

    @property
    def titles(self) -> list[str]:
        """What each step is good for, with its version."""
        return [f"{step.version}: {step.title}" for step in self.steps]

    def back_up(self) -> str:
        """Copy the registry, where one of its kind can be; return the copy's name."""
        return ""

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def statements(self) -> list[str]:
        """Return all statements, without running any."""
        dialect = self._db.driver.dialect
        return [
            text
            for step in self.steps
            for text in step.statements(dialect, self._datastores)
        ]

    def run(self, report: Callable[[str, int, int], None]) -> None:
        """Do all steps, each in one transaction: killed, it leaves the step before.

        Parameters
        ----------
        report
            Gets the title of a step, how many of its statements are done, and how many
            there are.

        Raises
        ------
        ConflictError
            If somebody else migrates it.
        """
        for step in self.steps:
            texts = step.statements(self._db.driver.dialect, self._datastores)
            with self._db.writing():
                if self._db.driver.phrases.lock_catalog:
                    self._db.run(sa.text(self._db.driver.phrases.lock_catalog))
                found = _version(self._db, read_attributes(self._db))
                if found != step.version - 1:
                    raise ConflictError(
                        f"'{self._db.driver.where}' has version {found} by now: "
                        "somebody else migrates it. Look again when that is done."
                    )
                for done, text in enumerate(texts):
                    report(step.title, done, len(texts))
                    self._db.run(Prepared(text, (), {}))
                self._note(step)
            report(step.title, len(texts), len(texts))

    def _note(self, step: Step) -> None:
        """Write down the version; and who can read it."""
        write_attributes(self._db, version_attributes(step.version, step))


def version_attributes(version: int, step: Step = STEPS[-1]) -> dict[str, str]:
    """Return the attributes that say which pantler a registry is for."""
    return {
        "schema_version": str(version),
        "readable_since": str(step.readable_since),
        "made_by": version_of("pantler"),
    }


def read_attributes(db: Database) -> dict[str, str]:
    """Return the attributes of a registry; none of a database that is no registry."""
    if not db.rows(db.driver.has_table("attribute")):
        return {}
    return dict(db.rows(sa.select(_ATTRIBUTE)))


def write_attributes(db: Database, attributes: dict[str, str]) -> None:
    """Set attributes of a registry."""
    for name, value in attributes.items():
        db.run(sa.delete(_ATTRIBUTE).where(_ATTRIBUTE.c.name == name))
        db.run(sa.insert(_ATTRIBUTE).values(name=name, value=value))


def check_version(db: Database, attributes: dict[str, str], version: int) -> None:
    """Refuse a registry that a pantler of some version cannot work with.

    Raises
    ------
    SchemaError
        If it is no registry, older, or newer; the message says what to do.
    """
    found = _version(db, attributes)
    if found < version:
        raise SchemaError(
            f"'{db.driver.where}' has schema version {found}, and this pantler needs "
            f"{version}. Bring it up to date by 'pantler migrate', which shows first "
            "what it would do."
        )
    if found > version and int(attributes.get("readable_since", found)) > version:
        raise newer_error(db, attributes)


def newer_error(db: Database, attributes: dict[str, str]) -> SchemaError:
    """Return the error that says which pantler a registry needs."""
    made_by = attributes.get("made_by", "")
    return SchemaError(
        f"'{db.driver.where}' has schema version {attributes['schema_version']}, which "
        f"is newer than this pantler ({version_of('pantler')}) knows. Use pantler "
        f"{made_by or 'of a newer release'}{' or newer' if made_by else ''}."
    )


def _version(db: Database, attributes: dict[str, Any]) -> int:
    text = str(attributes.get("schema_version", ""))
    if not text.isdecimal():
        raise SchemaError(
            f"'{db.driver.where}' has schema version none: it is not a registry."
        )
    return int(text)
