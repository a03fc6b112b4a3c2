"""A chain of datastores: all that accept are written to, the first that has is read."""

from __future__ import annotations

import functools
import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self

from pydantic import BeforeValidator, Field, InstanceOf, SerializeAsAny, model_validator

from pantler.config.sections import SHARED, DatastoreSettings, section_model
from pantler.datastores.chained_staged import StagedInAll, Step, prepared_in_all
from pantler.datastores.writing import discarded_on_error
from pantler.errors import (
    DatasetNotFoundError,
    InvalidInputError,
    PantlerError,
    SettingsError,
)
from pantler.plugins import load_plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.records import DatastoreRecord, OwnRecords
    from pantler.datasets.ref import DatasetRef
    from pantler.datasets.storage_class import StorageClass
    from pantler.datastores.interface import Datastore, SourceFile
    from pantler.storage.interface import OnProblem, TransferMode

_ONCE: Final = {"move", "in-place"}
"""Ways by which a file can come into one datastore only."""

_LOG: Final = logging.getLogger("pantler.datastores")


def _member(value: object) -> object:
    """Return the settings of a member, by the model of its kind."""
    if not isinstance(value, dict):
        return value
    if "kind" not in value:
        raise ValueError("each member needs the name of its plugin, such as kind: file")
    return section_model("datastore", str(value["kind"])).model_validate(value)


class ChainedDatastoreSettings(DatastoreSettings):
    """Which datastores are in the chain."""

    kind: Annotated[str, SHARED] = "chained"
    """Name of the datastore plugin."""

    name: Annotated[str, SHARED] = Field("chained", pattern=r"^[a-z][a-z0-9_]*$")
    """A name of its own within the repository."""

    members: Annotated[
        tuple[
            Annotated[
                SerializeAsAny[InstanceOf[DatastoreSettings]], BeforeValidator(_member)
            ],
            ...,
        ],
        SHARED,
    ] = Field(min_length=1)
    """The settings of the members, in the order in which they are asked. Each has a
    name of its own, and may accept or reject dataset types and storage classes."""

    @model_validator(mode="after")
    def _check_members(self) -> Self:
        names = [self.name, *(member.name for member in self.members)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"the chain and its members need names of their own: '{twice[0]}' is "
                "there twice"
            )
        if any(isinstance(member, ChainedDatastoreSettings) for member in self.members):
            raise ValueError("a chain cannot be a member of a chain: name its members")
        return self


class ChainedDatastore:  # noqa: PLR0904 - all of one interface
    """Several datastores that are used as one.

    A dataset is written to every member that accepts it, and read from the first that
    has it. The records say which member they are of.

    Parameters
    ----------
    settings
        Those of the members.
    repository_root
        Path or URI that relative roots are relative to.

    Raises
    ------
    SettingsError
        If the root of one member is within that of another.
    """

    settings_model: ClassVar[type[DatastoreSettings]] = ChainedDatastoreSettings

    def __init__(
        self, settings: ChainedDatastoreSettings, repository_root: str
    ) -> None:
        self.name = settings.name
        self.members: tuple[Datastore, ...] = tuple(
            load_plugin("datastores", member.kind)(member, repository_root)
            for member in settings.members
        )
        self._optional = {one.name for one in settings.members if one.may_fail}
        self._by_name = {member.name: member for member in self.members}
        for one in self.members:
            for other in self.members:
                if one is not other and one.root.startswith(other.root):
                    raise SettingsError(
                        f"The datastores '{one.name}' at {one.root} and "
                        f"'{other.name}' at {other.root} would take each other's files "
                        "for their own: give each a root that is not within the other."
                    )

    @property
    def root(self) -> str:
        """The root URI of the first member."""
        return self.members[0].root

    @property
    def is_lasting(self) -> bool:
        """Whether any member keeps datasets beyond this process."""
        return any(member.is_lasting for member in self.members)

    @property
    def is_read_only(self) -> bool:
        """Whether all members are."""
        return not self._writeable()

    def own_records(self) -> OwnRecords | None:
        """Return nothing: each member has its records."""
        return None

    def accepts(self, dataset_type: DatasetType) -> bool:
        """Whether any member takes new datasets of a type."""
        return any(member.accepts(dataset_type) for member in self.members)

    def _accepting(
        self, dataset_type: DatasetType, *, only_lasting: bool = False
    ) -> list[Datastore]:
        found = [
            member
            for member in self.members
            if member.accepts(dataset_type) and (member.is_lasting or not only_lasting)
        ]
        if not found:
            what = " that keeps it beyond this process" if only_lasting else ""
            raise InvalidInputError(
                f"No member of the datastore '{self.name}'{what} accepts datasets of "
                f"type '{dataset_type.name}' ({dataset_type.storage_class}), by its "
                f"settings. Members: {', '.join(self._by_name)}."
            )
        return found

    # Writing

    def prepare(self, value: Any, ref: DatasetRef) -> StagedInAll:
        """Write the bytes of an object to all members that accept it."""
        return prepared_in_all(
            [
                Step(member.name, functools.partial(member.prepare, value, ref))
                for member in self._accepting(ref.dataset_type)
            ],
            self._optional,
        )

    def prepare_many(
        self, values: Sequence[Any], refs: Sequence[DatasetRef]
    ) -> StagedInAll:
        """Write the bytes of many objects, each to all members that accept it."""
        chosen = self._chosen([ref.dataset_type for ref in refs])
        steps = [
            Step(
                name,
                functools.partial(
                    self._by_name[name].prepare_many,
                    [values[index] for index in places],
                    [refs[index] for index in places],
                ),
            )
            for name, places in chosen.items()
        ]
        return prepared_in_all(steps, self._optional)

    def prepare_files(
        self, files: Sequence[SourceFile], mode: TransferMode
    ) -> StagedInAll:
        """Bring in files of other programs, each to all members that accept it.

        Only the first that accepts it moves a file, or takes it in place; others copy.
        """
        chosen = self._chosen([file.ref.dataset_type for file in files])
        steps = []
        taken: set[int] = set()
        for name, places in chosen.items():
            member = self._by_name[name]
            is_first = mode in _ONCE and member.is_lasting
            first = [files[at] for at in places if is_first and at not in taken]
            rest = [files[at] for at in places if not is_first or at in taken]
            how = "copy" if mode in _ONCE else mode
            for some, by in ((first, mode), (rest, how)):
                if some:
                    prepare = functools.partial(member.prepare_files, some, by)
                    steps.append(Step(name, prepare))
            if is_first:
                taken.update(places)
        return prepared_in_all(steps, self._optional)

    def prepare_pack(self, values: Sequence[tuple[DatasetRef, bytes]]) -> StagedInAll:
        """Write many small datasets to all lasting members that accept their type."""
        if not values:
            return StagedInAll([])
        accepting = self._accepting(values[0][0].dataset_type, only_lasting=True)
        steps = [
            Step(member.name, functools.partial(member.prepare_pack, values))
            for member in accepting
        ]
        return prepared_in_all(steps, self._optional)

    def write(self, value: Any, ref: DatasetRef) -> list[DatastoreRecord]:
        """Write an object to all lasting members that accept it, for workers."""
        records: list[DatastoreRecord] = []
        problem: PantlerError | None = None
        for member in self._accepting(ref.dataset_type, only_lasting=True):
            try:
                records += member.write(value, ref)
            except PantlerError as error:
                if member.name not in self._optional:
                    for one, own in self._by_member(records):
                        one.delete([record.path for record in own])
                    raise
                _LOG.warning("Not stored in '%s': %s", member.name, error)
                problem = error
        if problem is not None and not records:
            raise problem
        return records

    def pack(self, values: Sequence[tuple[DatasetRef, bytes]]) -> list[DatastoreRecord]:
        """Write many small datasets to all lasting members that accept their type."""
        staged = self.prepare_pack(values)
        with discarded_on_error(staged):
            staged.publish()
        return staged.records

    def persist(self, records: Sequence[DatastoreRecord]) -> None:
        """Have each member put its own on the disk."""
        for member, own in self._by_member(records):
            member.persist(own)

    def _chosen(self, types: Sequence[DatasetType]) -> dict[str, list[int]]:
        """Return which of some datasets each member accepts, by its name."""
        chosen: dict[str, list[int]] = defaultdict(list)
        accepting = {one: self._accepting(one) for one in dict.fromkeys(types)}
        for index, one in enumerate(types):
            for member in accepting[one]:
                chosen[member.name].append(index)
        return {name: chosen[name] for name in self._by_name if name in chosen}

    def _by_member(
        self, records: Iterable[DatastoreRecord]
    ) -> list[tuple[Datastore, list[DatastoreRecord]]]:
        groups: dict[str, list[DatastoreRecord]] = defaultdict(list)
        for record in records:
            groups[record.store].append(record)
        return [
            (member, groups[member.name])
            for member in self.members
            if member.name in groups
        ]

    # Reading

    def read(
        self,
        ref: DatasetRef,
        records: Sequence[DatastoreRecord],
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        storage_class: StorageClass | None = None,
    ) -> Any:
        """Return a dataset, or a component of it, from the first member that has it.

        A member that has lost it is passed over, with a warning in the log.

        Raises
        ------
        DatasetNotFoundError
            If no member has it.
        """
        problems: list[PantlerError] = []
        for member, own in self._by_member(records):
            try:
                return member.read(
                    ref,
                    own,
                    component=component,
                    parameters=parameters,
                    storage_class=storage_class,
                )
            except InvalidInputError:
                raise
            except PantlerError as error:
                problems.append(error)
                if member.is_lasting:
                    _LOG.warning("%s", error)
        if problems:
            raise problems[0]
        raise DatasetNotFoundError(
            f"No member of the datastore '{self.name}' has a record of {ref}."
        )

    def read_many(
        self,
        refs: Iterable[DatasetRef],
        records: Mapping[bytes, Sequence[DatastoreRecord]],
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        storage_class: StorageClass | None = None,
    ) -> Iterator[Any]:
        """Yield many datasets in order, each from the first member that has it."""
        wanted = list(refs)
        begin = 0
        while begin < len(wanted):
            # As many in a row as the same member has.
            split = self._by_member(records.get(wanted[begin].id.bytes, ()))
            store = split[0][0].name if split else ""
            end = begin + 1
            while end < len(wanted) and self._first(records, wanted[end]) == store:
                end += 1
            done = 0
            try:
                if split:
                    own = {
                        ref.id.bytes: [
                            one for one in records[ref.id.bytes] if one.store == store
                        ]
                        for ref in wanted[begin:end]
                    }
                    for value in split[0][0].read_many(
                        wanted[begin:end],
                        own,
                        component=component,
                        parameters=parameters,
                        storage_class=storage_class,
                    ):
                        yield value
                        done += 1
            except PantlerError:
                end = begin + done + 1
            if done < end - begin:
                ref = wanted[begin + done]
                yield self.read(
                    ref,
                    records.get(ref.id.bytes, ()),
                    component=component,
                    parameters=parameters,
                    storage_class=storage_class,
                )
                done += 1
            begin += done

    def _first(
        self, records: Mapping[bytes, Sequence[DatastoreRecord]], ref: DatasetRef
    ) -> str:
        split = self._by_member(records.get(ref.id.bytes, ()))
        return split[0][0].name if split else ""

    def paths(self, ref: DatasetRef) -> list[str]:
        """Return all paths to which `write` may write in any member."""
        accepting = self._accepting(ref.dataset_type, only_lasting=True)
        found = [path for member in accepting for path in member.paths(ref)]
        return list(dict.fromkeys(found))

    def find(self, ref: DatasetRef) -> list[DatastoreRecord]:
        """Return the records of what was written, as found in all members."""
        return [
            record
            for member in self.members
            if member.accepts(ref.dataset_type)
            for record in member.find(ref)
        ]

    def uri(self, record: DatastoreRecord) -> str:
        """Return the URI of an artifact."""
        member = self._by_name.get(record.store)
        return member.uri(record) if member else record.path

    def exists(self, records: Sequence[DatastoreRecord]) -> bool:
        """Whether a member has all artifacts of its records."""
        return any(member.exists(own) for member, own in self._by_member(records))

    def verify(
        self, records: Sequence[DatastoreRecord], *, content: bool = False
    ) -> Iterator[tuple[DatastoreRecord, str]]:
        """Yield the records of all members whose artifacts are not as recorded."""
        for member, own in self._by_member(records):
            yield from member.verify(own, content=content)

    # Remains

    def delete(self, paths: Sequence[str]) -> None:
        """Remove artifacts in all members that are not read-only."""
        for member in self._writeable():
            member.delete(paths)

    def orphans(
        self,
        paths_in_use: Callable[[Sequence[str]], set[str]],
        on_problem: OnProblem | None = None,
    ) -> Iterator[str]:
        """Yield the paths of finished artifacts that no record names, in any member."""
        for member in self._writeable():
            yield from member.orphans(paths_in_use, on_problem)

    def abandoned(self, on_problem: OnProblem | None = None) -> list[str]:
        """Return the paths of unfinished artifacts of dead writers, in any member."""
        return [
            path
            for member in self._writeable()
            for path in member.abandoned(on_problem)
        ]

    def owner(self) -> str | None:
        """Return the ID of the repository that has claimed a member, if any has."""
        return next(filter(None, (one.owner() for one in self._writeable())), None)

    def claim(self, owner: str) -> None:
        """Mark the roots of all members that are not read-only."""
        for member in self._writeable():
            member.claim(owner)

    def _writeable(self) -> list[Datastore]:
        return [one for one in self.members if not one.is_read_only]
