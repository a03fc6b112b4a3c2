"""The interface of formatters."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pantler.errors import InvalidInputError
from pantler.formatters.recipe import Recipe, checked_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass
    from pantler.storage.ranges import RangeFile


class Formatter(ABC):
    """Writes Python objects of some storage classes and reads them back.

    Formatters are plugins of the group ``pantler.formatters``; records keep the
    name of the one that wrote a dataset, and its recipe. They hold no other state.
    Implement either the pair of bytes (`BytesFormatter`) or the pair of files.
    """

    extension: ClassVar[str]
    """With its dot, such as ``.fits``."""

    reads_ranges: ClassVar[bool] = False
    """Whether it has `read_ranges`, which fetches only what is asked for."""

    runs_code: ClassVar[bool] = False
    """Whether to read a file is to run what its writer put into it, as with pickle:
    then it serves only repositories whose settings name it."""

    recipe_model: ClassVar[type[Recipe] | None] = None
    """What settings may say of how it writes; None if there is no choice."""

    recipe: Recipe | None = None
    """What they say; None for nothing."""

    def with_recipe(self, values: Mapping[str, Any]) -> Self:
        """Return the formatter that writes by a recipe.

        Parameters
        ----------
        values
            As ``recipe_model`` has them.

        Raises
        ------
        InvalidInputError
            If it takes none, or not this one.
        """
        name = type(self).__name__.removesuffix("Formatter")
        if self.recipe_model is None:
            raise InvalidInputError(f"{name} has no choice of how it is written.")
        made = copy.copy(self)
        made.recipe = checked_recipe(self.recipe_model, values, name)
        return made

    def takes(self, value: object, storage_class: StorageClass) -> bool:  # noqa: ARG002 - for subclasses
        """Whether it writes an object of another type than the storage class has.

        It does so only if nothing is lost. Other objects are converted beforehand.
        """
        return False

    def gives(self, storage_class: StorageClass) -> bool:  # noqa: ARG002 - for subclasses
        """Whether it reads its files as objects of another storage class by itself.

        Other objects are converted afterwards.
        """
        return False

    @abstractmethod
    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:
        """Write an object to a new local file."""

    @abstractmethod
    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the object, or one component of it, from a local file.

        Parameters
        ----------
        path
            The file.
        storage_class
            Of the whole dataset, as it was written, or another that it `gives`.
        component
            Name of the part that is wanted, None for the whole.
        parameters
            Options of this read that the storage class allows.

        Raises
        ------
        IntegrityError
            If the file is not what the formatter writes.
        """

    def read_ranges(
        self,
        file: RangeFile,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the object, or a part of it, of a file that is fetched in ranges.

        It is called in place of `read_file` where the file is far away and a part of
        it is asked for, if the formatter has ``reads_ranges``.
        """
        raise NotImplementedError


class BytesFormatter(Formatter):
    """A formatter whose objects are small enough to be bytes in memory.

    Its datasets can be packed: many in one file.
    """

    @abstractmethod
    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:
        """Return the bytes of an object."""

    @abstractmethod
    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the object, or one component of it, from bytes."""

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:
        """Write the bytes of an object to a new local file."""
        path.write_bytes(self.to_bytes(value, storage_class))

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the object, or one component of it, from a local file."""
        return self.from_bytes(
            path.read_bytes(), storage_class, component=component, parameters=parameters
        )


class SharedFileFormatter(Formatter):
    """A formatter of files that hold many datasets each, told apart by data IDs.

    Such files are written by other programs and ingested with a `FileDataset` for each
    dataset, all of one path: the frames of all detectors in one file, say.
    """

    @abstractmethod
    def read_dataset(
        self,
        path: Path,
        storage_class: StorageClass,
        data_id: Mapping[str, Any],
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return one dataset of a local file, or a component of it.

        Parameters
        ----------
        path
            The file.
        storage_class
            Of the whole dataset, as it was ingested.
        data_id
            Which one.
        component, parameters
            As for `read_file`.

        Raises
        ------
        IntegrityError
            If the file does not hold it.
        """

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Refuse: one dataset alone is not such a file.

        Raises
        ------
        InvalidInputError
            Always.
        """
        raise InvalidInputError(
            f"{type(self).__name__} reads files of many datasets, and writes none: "
            "choose another formatter for what is put."
        )

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Refuse: without a data ID, no dataset is meant.

        Raises
        ------
        InvalidInputError
            Always.
        """
        raise InvalidInputError(
            f"{path} holds many datasets of {storage_class}: read one by its data ID."
        )
