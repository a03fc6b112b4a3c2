"""The settings of the datastore of files."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pantler.config.sections import SHARED, DatastoreSettings
from pantler.datasets.storage_class import StorageClass


class RequestSettings(BaseModel):
    """How patiently a store on another host is asked, and how much at once."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    timeout_s: float = Field(60.0, gt=0)
    """How long one request may take, seconds."""

    attempts: int = Field(6, ge=1, le=100)
    """How often a request is tried that fails for a reason that may pass."""

    at_once: int = Field(32, ge=1, le=1000)
    """How many requests are made at a time, where many are to be made."""

    grace_s: Annotated[float, SHARED] = Field(600.0, ge=0)
    """How long a writer may take from the first byte of a dataset until it is recorded.
    Files that no record names are taken for remains only when they are older."""


class CacheSettings(BaseModel):
    """Files from other hosts that are kept here, for those who read them again."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    folder: str = ""
    """A local folder, which processes share; empty for no cache."""

    most_files: int | None = Field(None, ge=1)
    """How many files it may have; none for any number."""

    most_bytes: int | None = Field(10_000_000_000, ge=1)
    """How many bytes they may have together."""

    most_datasets: int | None = Field(None, ge=1)
    """Of how many datasets they may be; some have a file for each component."""

    most_age_s: float | None = Field(None, gt=0)
    """For how many seconds a file is kept that nobody reads."""

    accept: tuple[str, ...] = ()
    """Dataset types and storage classes, also patterns of * and ?, that are kept; all
    if empty."""

    reject: tuple[str, ...] = ()
    """Dataset types and storage classes, also patterns, that are not kept."""


class OwnStorageClass(BaseModel):
    """A storage class that the settings define, without a plugin."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    type: str
    """The Python type, as ``package.module.Name``; it must be installed wherever such
    datasets are read."""

    formatter: str = "class_methods"
    """Name of the formatter; without one, the methods of the class write and read."""

    components: dict[str, str] = Field(default_factory=dict)
    """Parts that can be read alone, with their storage classes."""

    parameters: tuple[str, ...] = ()
    """Parameters of a read."""

    converters: dict[str, str] = Field(default_factory=dict)
    """Python types that can be converted to this one, with the function for each."""

    def storage_class(self, name: str) -> StorageClass:
        """Return it under a name."""
        return StorageClass(
            name,
            self.type,
            self.formatter,
            components=self.components,
            parameters=frozenset(self.parameters),
            converters=self.converters,
        )


class FileDatastoreSettings(DatastoreSettings):
    """Where files are, what they are called and how carefully they are written."""

    kind: Annotated[str, SHARED] = "file"
    """Name of the datastore plugin."""

    name: Annotated[str, SHARED] = Field("file", pattern=r"^[a-z][a-z0-9_]*$")
    """A name of its own within the repository."""

    root: Annotated[str, SHARED] = Field("datasets", min_length=1)
    """A path relative to the repository's root, an absolute path, or a URI."""

    checksum: Annotated[bool, SHARED] = True
    """Whether to record a checksum of each file that is written."""

    durability: Literal["process", "power"] = "power"
    """What a dataset survives: the death of its writer, or also a power cut. The disk
    is waited for only then."""

    templates: Annotated[dict[str, str], SHARED] = Field(default_factory=dict)
    """Path templates by dataset type or storage class; ``default`` for the rest."""

    formatters: Annotated[dict[str, str], SHARED] = Field(default_factory=dict)
    """Formatter names by dataset type or storage class."""

    recipes: Annotated[dict[str, dict[str, Any]], SHARED] = Field(default_factory=dict)
    """How formatters write, by dataset type or storage class: compression, tiles."""

    storage_classes: Annotated[dict[str, OwnStorageClass], SHARED] = Field(
        default_factory=dict
    )
    """Storage classes of this repository's own, by name."""

    take_apart: Annotated[tuple[str, ...], SHARED] = ()
    """Dataset types or storage classes of which each component is a file of its own,
    so that one can be read without the others."""

    pack_below: Annotated[int, SHARED] = Field(65_536, ge=0, le=1 << 24)
    """Objects of fewer bytes that are put many at once go into packs, zip files of one
    dataset type and run each; 0 for a file for each dataset."""

    verify: bool = False
    """Whether reads compare the checksum of large files too, which reads them twice.
    That of small ones, which are in memory anyway, is always compared."""

    cache: CacheSettings = Field(default_factory=CacheSettings)
    """What is kept here of files on other hosts."""

    requests: RequestSettings = Field(default_factory=RequestSettings)
    """How a root on another host is asked; a local one is not."""
