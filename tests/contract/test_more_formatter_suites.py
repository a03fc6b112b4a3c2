"""Formatters of all that is no image or plain table run the suite of plugins."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import StdDevUncertainty
from astropy.table import MaskedColumn, QTable, Table
from pydantic import BaseModel
from specutils import Spectrum

from pantler.datasets.storage_class import StorageClass, get_storage_class
from pantler.dimensions.sky.regions import Circle, ConvexPolygon
from pantler.dimensions.timespan import Timespan
from pantler.formatters.fits_extensions import FitsExtensionsFormatter
from pantler.formatters.measures import (
    QuantityFormatter,
    RegionFormatter,
    TimespanFormatter,
)
from pantler.formatters.messagepack import MsgpackFormatter
from pantler.formatters.models import (
    ModelJsonFormatter,
    ModelMsgpackFormatter,
    ModelYamlFormatter,
)
from pantler.formatters.raw_bytes import RawBytesFormatter
from pantler.formatters.spectrum import SpectrumFormatter
from pantler.formatters.tables.fits_table import FitsTableFormatter
from pantler.formatters.tables.votable import VoTableFormatter
from pantler.formatters.trees.asdf_file import AsdfFormatter
from pantler.formatters.trees.hdf5 import Hdf5Formatter
from pantler.formatters.trees.zarr_zip import ZarrFormatter
from pantler.testing.formatters import FormatterSuite


@dataclasses.dataclass
class Star:
    """A star."""

    name: str
    magnitude: float
    seen: dt.datetime | None = None
    bands: tuple[str, ...] = ()


class Night(BaseModel):
    """A night with stars."""

    stars: list[Star]
    seeing: dict[str, float] = {}
    note: object = None


class _Tables(FormatterSuite):
    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Table")

    @pytest.fixture
    def values(self):
        table = Table(meta={"key": [1, {"deep": 2.5}], "name": "Ωμέγα"})
        table["i"] = np.arange(4, dtype="i1")
        table["u"] = np.array([0, 1, 2, 2**16 - 1], dtype="u2")
        table["long"] = np.array([0, 1, 2, 2**64 - 1], dtype="u8")
        table["f"] = np.array([1.5, np.nan, np.inf, -0.0], dtype="f4")
        table["s"] = np.array(["a", "bbbb", "", "é"], dtype="U9")
        table["b"] = [True, False, True, False]
        table["time"] = np.full(4, "2030-01-01T00:00:00.123456789", dtype="M8[ns]")
        table["cube"] = np.arange(16.0).reshape(4, 2, 2)
        table["m"] = MaskedColumn([True, True, False, False], mask=[0, 1, 0, 1])
        table["f"].unit = "nJy"
        table["f"].description = "total flux"
        return [table, QTable({"x": [1.0, 2.0] * u.m}), Table({"s": np.zeros(0, "U3")})]

    @pytest.fixture
    def parameters(self):
        return {
            "columns": [["i"], ["cube", "f"]],
            "rows": [[("i", ">", 1)], [("s", "=", "é"), ("b", "=", False)]],
        }

    @pytest.fixture
    def unwritable(self):
        return [
            Table({"o": [{}, None]}),
            Table({"a": ["blank "]}),
            Table({"a": [1]}, meta={"o": object()}),
        ]

    def same(self, left, right):
        return (
            (type(left), left.colnames, dict(left.meta))
            == (type(right), right.colnames, dict(right.meta))
            and all(left[n].dtype == right[n].dtype for n in left.colnames)
            and all(left[n].unit == right[n].unit for n in left.colnames)
            and all(
                left[n].info.description == right[n].info.description
                for n in left.colnames
            )
            and all(
                repr(left.as_array()[n].tolist()) == repr(right.as_array()[n].tolist())
                for n in left.colnames
            )
        )


class TestFitsTables(_Tables):
    has_checksum = True

    @pytest.fixture
    def formatter(self):
        return FitsTableFormatter()


class TestVoTables(_Tables):
    @pytest.fixture
    def formatter(self):
        return VoTableFormatter()

    @pytest.fixture
    def unwritable(self):
        return [Table({"o": [{}, None]}), Table({"wide": ["\U0001f30c"]})]


class _Trees(FormatterSuite):
    has_checksum = True

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("ArrayDict")

    @pytest.fixture
    def values(self):
        return [
            {
                "image": np.arange(12.0).reshape(3, 4),
                "deep": {"flags": np.array([True, False]), "n": 3, "empty": {}},
                "text": np.array([["a", "Ωμέγα"]]),
                "bytes": np.array([b"ab", b""]),
                "times": np.array(["2030-01-01", "NaT"], dtype="M8[us]"),
                "scalar": np.array(2.5, dtype="f4"),
                "complex": np.array([1j]),
                "none": np.zeros((0, 3), "u1"),
                "said": {"name": "Ω", "list": [1, "x", None], "nan": 1.5, "no": None},
            },
            {},
            {"big": np.arange(6, dtype=">i4")},
        ]

    @pytest.fixture
    def unwritable(self):
        return [
            {"a": np.array([{}])},
            {"a/b": 1},
            {1: 2},
            {"a": {1}},
            {"a": [1] * u.m},
            {"a": np.ma.MaskedArray([1], mask=[True])},
            {"a": np.zeros(2, "i4,f8")},
            {"a": np.zeros(2, np.longdouble)},
            {"": 1},
        ]

    @pytest.fixture
    def parameters(self):
        return {"keys": [["image"], ["deep"], ["deep/flags", "said/name"], []]}

    def same(self, left, right):
        if isinstance(left, dict) and isinstance(right, dict):
            return list(left) == list(right) and all(
                self.same(left[key], right[key]) for key in left
            )
        if isinstance(left, np.ndarray):
            native = right.astype(right.dtype.newbyteorder("="))
            return (left.dtype, left.shape, left.tobytes()) == (
                native.dtype,
                native.shape,
                native.tobytes(),
            )
        return type(left) is type(right) and left == right


class TestHdf5(_Trees):
    @pytest.fixture
    def formatter(self):
        return Hdf5Formatter()


class TestZarr(_Trees):
    # The directory of a zip file has none.
    has_checksum = False

    @pytest.fixture
    def formatter(self):
        return ZarrFormatter()


class TestAsdf(_Trees):
    @pytest.fixture
    def formatter(self):
        return AsdfFormatter()


class TestMsgpack(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return MsgpackFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("StructuredDict")

    @pytest.fixture
    def values(self):
        return [{"a": [1, 2.5, None, {"b": b"\xff"}], "Ω": -(2**63), 3: True}, {}]

    @pytest.fixture
    def unwritable(self):
        deep = []
        for _ in range(2000):
            deep = [deep]
        return [
            {"a": object()},
            {"a": 2**64},
            {"a": {1}},
            {"a": np.arange(3)},
            {"a": deep},
        ]

    @pytest.fixture
    def damaged(self):
        return [b"", b"\xc1", b"\x93\x01", b"\xdd\xff\xff\xff\xff", b"\x81\xa1a\x01x"]


class TestBytes(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return RawBytesFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Bytes")

    @pytest.fixture
    def values(self):
        return [b"\x00\xff", b""]

    @pytest.fixture
    def damaged(self):
        return []


class TestQuantity(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return QuantityFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Quantity")

    @pytest.fixture
    def values(self):
        return [
            0.7 * u.arcsec,
            u.Quantity(3, u.ct, dtype=int),
            u.Quantity([[1.5, np.inf]], u.nJy / u.arcsec**2, dtype="f4"),
            5 * u.dimensionless_unscaled,
            np.nan * u.mag,
        ]

    @pytest.fixture
    def unwritable(self):
        return [u.Quantity(1j, u.m), u.Quantity(1, u.m, dtype=np.longdouble)]

    def same(self, left, right):
        return (left.unit, left.dtype, left.shape) == (
            right.unit,
            right.dtype,
            right.shape,
        ) and np.array_equal(left.value, right.value, equal_nan=True)


class TestTimespan(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return TimespanFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Timespan")

    @pytest.fixture
    def values(self):
        return [Timespan(-5, 2**62), Timespan.always(), Timespan(Timespan.MIN, 0)]

    @pytest.fixture
    def damaged(self):
        return [b"", b"{}", b'{"begin_tai_ns":5,"end_tai_ns":2}', b"[]"]


class TestRegion(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return RegionFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Region")

    @pytest.fixture
    def values(self):
        return [
            ConvexPolygon.from_lonlat([1, 2, 2], [1, 1, 2]),
            Circle.from_lonlat(150, 2, 0.5),
        ]


class _Models(FormatterSuite):
    @pytest.fixture(autouse=True)
    def module(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "models_for_test", sys.modules[__name__])

    @pytest.fixture
    def storage_class(self):
        return StorageClass(
            "Night",
            "models_for_test.Night",
            "x",
            components={"stars": "StructuredList"},
        )

    @pytest.fixture
    def values(self):
        seen = dt.datetime(2030, 1, 1, 3, 4, 5, 6, tzinfo=dt.UTC)
        star = Star("Ω Cen", 3.7, seen, ("g", "r"))
        return [
            Night(stars=[star, Star("x", float("inf"))], seeing={"r": 0.7}),
            Night(stars=[]),
        ]

    @pytest.fixture
    def unwritable(self):
        return [
            Night(stars=[], note=object()),
            Night(stars=[], note=(1, 2)),
            Night.model_construct(stars="none"),
        ]

    @pytest.fixture
    def damaged(self):
        return [b"", b"\xff\xfe", b"[]", b'{"stars":[{"name":1}]}', b"stars: 3"]


class TestModelJson(_Models):
    @pytest.fixture
    def formatter(self):
        return ModelJsonFormatter()


class TestModelYaml(_Models):
    @pytest.fixture
    def formatter(self):
        return ModelYamlFormatter()


class TestModelMsgpack(_Models):
    @pytest.fixture
    def formatter(self):
        return ModelMsgpackFormatter()


class TestDataClass(_Models):
    @pytest.fixture
    def formatter(self):
        return ModelJsonFormatter()

    @pytest.fixture
    def storage_class(self):
        return StorageClass("Star", "models_for_test.Star", "x")

    @pytest.fixture
    def values(self):
        return [Star("a", 1.5), Star("b", 0.0, None, ("x",))]

    @pytest.fixture
    def unwritable(self):
        return [Star("a", "bright"), Star(b"a", 1.5), Star("a", 1.5, bands=["g"])]


class TestSpectra(FormatterSuite):
    has_checksum = True

    @pytest.fixture
    def formatter(self):
        return SpectrumFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Spectrum")

    @pytest.fixture
    def values(self):
        axis = np.array([500.0, 501.0, 503.0]) * u.nm
        flux = np.array([1.5, np.nan, 3]) * u.Jy
        return [
            Spectrum(
                flux=flux,
                spectral_axis=axis,
                uncertainty=StdDevUncertainty([0.1, 0.2, 0.3]),
                mask=np.array([False, True, False]),
                meta={"object": "Ω", "n": [1]},
            ),
            Spectrum(np.arange(6.0).reshape(2, 3) * u.ct, axis, spectral_axis_index=1),
        ]

    @pytest.fixture
    def unwritable(self):
        axis = np.array([500.0, 501.0]) * u.nm
        return [Spectrum(flux=[1, 2] * u.Jy, spectral_axis=axis, meta={"o": object()})]

    def same(self, left, right):
        def parts(spectrum):
            uncertainty = spectrum.uncertainty
            return repr(
                (
                    spectrum.flux,
                    spectrum.spectral_axis.value.tolist(),
                    str(spectrum.spectral_axis.unit),
                    None if uncertainty is None else uncertainty.array.tolist(),
                    type(uncertainty),
                    None if spectrum.mask is None else spectrum.mask.tolist(),
                    sorted(spectrum.meta.items()),
                )
            )

        return parts(left) == parts(right)


class TestFitsExtensions(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return FitsExtensionsFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("FitsExtensions")

    @pytest.fixture
    def values(self):
        table = fits.table_to_hdu(Table({"a": [1, 2]}))
        table.name = "CAT"
        first = fits.PrimaryHDU(header=fits.Header({"OBJECT": "M 13"}))
        image = fits.ImageHDU(np.arange(12, dtype="i2").reshape(3, 4), name="SCI")
        return [fits.HDUList([first, image, table])]

    @pytest.fixture
    def parameters(self):
        return {"extensions": [["CAT"], [1], "SCI", []]}

    def same(self, left, right):
        found = fits.FITSDiff(left, right, ignore_keywords=["EXTEND"])
        return found.identical
