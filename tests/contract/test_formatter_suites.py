"""Our own formatters run the suite that plugins run."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import (
    CCDData,
    InverseVariance,
    StdDevUncertainty,
    VarianceUncertainty,
)
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.wcs import WCS
from PIL import Image

from pantler.datasets.storage_class import get_storage_class
from pantler.formatters.array import NpyFormatter
from pantler.formatters.fits import FitsFormatter
from pantler.formatters.picture import PngFormatter
from pantler.formatters.plain import JsonFormatter, TextFormatter, YamlFormatter
from pantler.formatters.tables.ecsv import EcsvFormatter
from pantler.formatters.tables.parquet import ParquetFormatter
from pantler.testing.formatters import FormatterSuite

PLAIN = {
    "empty": {},
    "none": None,
    "text": 'Ωμέγα "\n\t\\ \x00',
    "number": [0, -1, 2**70, 0.1, 1e300, -0.0, True],
    "deep": [{"a": [[], [{}]]}],
}


def make_wcs(projection="TAN"):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{projection}", f"DEC--{projection}"]
    wcs.wcs.crval = [250.42063605678912, -36.458552065671234]
    wcs.wcs.crpix = [100 / 3, -7.123456789012345]
    wcs.wcs.cd = [
        [-1.8543744540312345e-4, 2.723299775631234e-7],
        [-2.7233377989412345e-7, -1.854377445403123e-4],
    ]
    wcs.wcs.radesys = "ICRS"
    wcs.wcs.set()
    return wcs


def make_sip():
    header = make_wcs("TAN").to_header(relax=True)
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    for axis in "AB":
        header[f"{axis}_ORDER"] = 2
        header[f"{axis}_2_0"] = -1.2345678901234e-7
        header[f"{axis}_1_1"] = 4.567890123456e-8
    return WCS(header)


def same_wcs(left, right):
    if left is None or right is None:
        return left is right
    pixels = np.array([[0.0, 0.0], [511.5, 20.25], [-100.0, 3000.0]])
    return np.array_equal(
        left.all_pix2world(pixels, 0), right.all_pix2world(pixels, 0)
    ) and list(left.wcs.ctype) == list(right.wcs.ctype)


def same_array(left, right):
    if left is None or right is None:
        return left is right
    return (
        left.dtype == right.dtype
        and left.shape == right.shape
        and left.tobytes() == np.ascontiguousarray(right).tobytes()
    )


def same_uncertainty(left, right):
    if left is None or right is None:
        return left is right
    return (
        type(left) is type(right)
        and left.unit == right.unit
        and same_array(left.array, right.array)
    )


class TestJson(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return JsonFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("StructuredDict")

    @pytest.fixture
    def values(self):
        return [PLAIN, {}]

    @pytest.fixture
    def unwritable(self):
        return [
            {"a": object()},
            {1: 2},
            {"a": [{None: 1}]},
            {"a": np.arange(3)},
            {"a": {1}},
            {"a": 1j},
            {"a": np.complex64(1)},
            {"a": "\ud800"},
        ]

    @pytest.fixture
    def damaged(self):
        return [b"", b"\xff\xfe", b'{"a": 1', b"[1]", b"[" * 100_000]


class TestYaml(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return YamlFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("StructuredDictYaml")

    @pytest.fixture
    def values(self):
        return [PLAIN, {}, {1: "one", None: [1.5e30]}]

    @pytest.fixture
    def unwritable(self):
        return [{"a": object()}, {"a": np.arange(3)}, {"a": np.complex64(1)}]

    @pytest.fixture
    def damaged(self):
        return [
            b"",
            b"a: [",
            b"- 1",
            b"\xff\xfe\x00",
            b"a: !!python/object/apply:os.getcwd []",
        ]


class TestText(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return TextFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Text")

    @pytest.fixture
    def values(self):
        return ["", "a\r\nb\rc\n", "Ωμέγα \x00"]

    @pytest.fixture
    def unwritable(self):
        return ["\ud800"]

    @pytest.fixture
    def damaged(self):
        return [b"\xff\xfe"]


class TestNpy(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return NpyFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("NumpyArray")

    @pytest.fixture
    def values(self):
        return [
            np.arange(6, dtype=np.float32).reshape(2, 3),
            np.array(3),
            np.zeros((0, 4), bool),
            np.array(["a", "Ω"]),
            np.array([(1, 2.5)], dtype=[("a", "i2"), ("b", "f8")]),
            np.array([np.nan, np.inf, -0.0]),
        ]

    @pytest.fixture
    def unwritable(self):
        return [
            np.array([{}]),
            np.ma.MaskedArray([1, 2], mask=[True, False]),
            [1, 2] * u.m,
        ]

    @pytest.fixture
    def damaged(self):
        pickled, longer = io.BytesIO(), io.BytesIO()
        np.save(pickled, np.array([{}]), allow_pickle=True)
        np.save(longer, np.arange(9))
        whole = longer.getvalue()
        return [b"", b"junk" * 99, pickled.getvalue(), whole[:-1], whole + b"x"]

    def same(self, left, right):
        return same_array(left, right)


class TestPng(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return PngFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Picture")

    @pytest.fixture
    def values(self):
        noise = np.random.default_rng(1).integers(0, 256, (5, 7, 4), dtype=np.uint8)
        colour = Image.fromarray(noise)
        deep = Image.fromarray(np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000)
        modes = ("1", "L", "LA", "P", "RGB", "RGBA")
        return [deep, *(colour.convert(mode) for mode in modes)]

    @pytest.fixture
    def unwritable(self):
        return [
            Image.new("F", (3, 3)),
            Image.new("CMYK", (3, 3)),
            Image.new("L", (0, 3)),
        ]

    @pytest.fixture
    def damaged(self):
        buffer = io.BytesIO()
        noise = np.random.default_rng(1).integers(0, 256, (50, 70), dtype=np.uint8)
        Image.fromarray(noise).save(buffer, "PNG")
        jpeg = io.BytesIO()
        Image.fromarray(noise).save(jpeg, "JPEG")
        whole = buffer.getvalue()
        return [b"", b"junk" * 99, whole[:1000], jpeg.getvalue()]

    def same(self, left, right):
        return left.mode == right.mode and left.tobytes() == right.tobytes()


class TestParquetFrames(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return ParquetFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("DataFrame")

    @pytest.fixture
    def values(self):
        return [
            pl.DataFrame(
                {
                    "a": [1, None],
                    "x=3": ["x", "Ω"],
                    "l": [[1], [2, 3]],
                    "s": [{"p": 1}, {"p": 2}],
                    "b": [b"\x00", None],
                    "v": np.zeros((2, 3), np.float32),
                    "f": [float("nan"), None],
                }
            ),
            pl.DataFrame(schema={"a": pl.Int8, "t": pl.Datetime("ns", "UTC")}),
            pl.DataFrame(),
        ]

    @pytest.fixture
    def unwritable(self):
        return [pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)})]

    @pytest.fixture
    def damaged(self):
        buffer = io.BytesIO()
        pl.DataFrame({"a": list(range(1000))}).write_parquet(buffer)
        whole = buffer.getvalue()
        return [b"", b"junk" * 99, whole[:-9], whole[:40] + b"\xff" * 60 + whole[100:]]

    def same(self, left, right):
        return left.schema == right.schema and left.equals(right)


def make_table():
    count = 4
    table = Table(meta={"key": [1, {"deep": 2.5}], "name": "Ωμέγα"})
    table["i"] = Column(
        np.arange(count, dtype=np.int16), unit="adu", description="a count"
    )
    table["f"] = Column(np.arange(count, dtype="f4"), unit="nJy", format="%.3f")
    table["m"] = MaskedColumn([1.5, 2, 3, 4], mask=[0, 1, 0, 0], unit="deg")
    table["s"] = np.array(["a", "bbbb", "", "é"], dtype="U9")
    table["b"] = [True, False, True, False]
    table["masked_text"] = MaskedColumn(["a", "b", "c", "d"], mask=[0, 0, 1, 1])
    return table


class _Tables(FormatterSuite):
    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Table")

    def same(self, left, right):
        if left.colnames != right.colnames or len(left) != len(right):
            return False
        return (type(left), dict(left.meta)) == (type(right), dict(right.meta)) and all(
            _same_column(left[name], right[name]) for name in left.colnames
        )


def _same_column(left, right):
    if isinstance(left, (Time, SkyCoord)):
        return bool(np.all(left == right)) and left.info.name == right.info.name
    left_mask, right_mask = (getattr(c, "mask", None) for c in (left, right))
    if (left_mask is None) != (right_mask is None):
        return False
    if left_mask is not None and not np.array_equal(left_mask, right_mask):
        return False
    return (
        left.dtype == right.dtype
        and left.unit == right.unit
        and left.info.description == right.info.description
        and left.info.format == right.info.format
        and bool(np.all(left == right))
    )


class TestParquetTables(_Tables):
    @pytest.fixture
    def formatter(self):
        return ParquetFormatter()

    @pytest.fixture
    def values(self):
        table = make_table()
        table["vector"] = np.arange(12.0).reshape(4, 3)
        table["cube"] = np.zeros((4, 2, 2), bool)
        table["bytes"] = np.array([b"a", b"bb", b"", b"c"], dtype="S5")
        table["time"] = Time([5e4, 5e4 + 1e-9, 6e4, 7e4], format="mjd", scale="tai")
        table["place"] = SkyCoord([1, 2, 3, 4] * u.deg, [4, 5, 6, 7] * u.deg)
        table["clock"] = np.full(4, "2020-01-01T00:00:00.123456789", dtype="M8[ns]")
        return [
            table,
            QTable({"x": [1.0, 2.0] * u.m}),
            Table({"s": np.zeros(0, "U3"), "x": np.zeros((0, 2))}),
            Table({"v": MaskedColumn(np.ones((2, 2)), mask=[[1, 0], [0, 0]])}),
            Table({"text": np.array([["a", "bb"], ["", "é"]])}),
            Table(),
        ]

    @pytest.fixture
    def unwritable(self):
        return [
            Table({"o": [{}, None]}),
            Table({"c": [1j]}),
            Table({"t": np.zeros(2, "M8[s]")}),
            Table({"q": np.zeros(2, np.longdouble)}),
            Table({"a": [1]}, meta={"o": object()}),
        ]


class TestEcsv(_Tables):
    @pytest.fixture
    def formatter(self):
        return EcsvFormatter()

    @pytest.fixture
    def values(self):
        table = make_table()
        # ECSV has no width of text: that of the values comes back.
        table["s"] = np.array(["a", "bbbb", "c", "é"])
        return [table]

    @pytest.fixture
    def unwritable(self):
        return [Table({"o": [object()]}), Table({"a": [1]}, meta={"o": object()})]


class TestFitsImages(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return FitsFormatter()

    @pytest.fixture
    def storage_class(self):
        return get_storage_class("CCDImage")

    @pytest.fixture
    def values(self):
        random = np.random.default_rng(3)
        shape = (5, 7)
        full = CCDData(
            random.normal(size=shape).astype(np.float32),
            unit="adu",
            mask=random.random(shape) < 0.3,
            uncertainty=VarianceUncertainty(random.random(shape, dtype=np.float32)),
            wcs=make_wcs(),
            header={
                "EXPTIME": 30.000000000000004,
                "a long key": "x" * 200,
                "NONE": None,
            },
        )
        full.psf = random.random((3, 3))
        full.flags = random.integers(0, 9, shape, dtype=np.uint16)
        odd = CCDData(
            np.array([[np.nan, np.inf], [-np.inf, -0.0]]),
            unit=u.nJy / u.pix,
            mask=np.array([[True, False], [False, True]]),
            uncertainty=StdDevUncertainty(np.ones((2, 2))),
            wcs=make_sip(),
        )
        inverse = CCDData(
            np.ones((2, 2)), unit="", uncertainty=InverseVariance(np.ones((2, 2)))
        )
        integers = [f"{sign}{size}" for sign in "iu" for size in (1, 2, 4, 8)]
        kinds = [*integers, "f4", "f8", ">f4", ">i2"]
        return [
            full,
            odd,
            inverse,
            *(
                CCDData(np.arange(6).reshape(2, 3).astype(kind), unit="electron")
                for kind in kinds
            ),
        ]

    @pytest.fixture
    def unwritable(self):
        ones = np.ones((2, 2))
        return [
            CCDData(ones.astype(complex), unit="adu"),
            CCDData(ones.astype(np.float16), unit="adu"),
            CCDData(np.ones((0, 2)), unit="adu"),
            CCDData(ones, unit="adu", header={"KEY": [1, 2]}),
            CCDData(ones, unit="adu", header={"KEY": float("nan")}),
            CCDData(ones, unit="adu", header={"KEY": "Ωμέγα"}),
        ]

    @pytest.fixture
    def damaged(self):
        hdus = io.BytesIO()
        fits.PrimaryHDU(np.zeros((100, 100))).writeto(hdus)
        whole = hdus.getvalue()
        empty = io.BytesIO()
        fits.PrimaryHDU().writeto(empty)
        cuts = (100, 2880, 2887, 20_000)
        return [b"", b"junk" * 2000, empty.getvalue(), *(whole[:cut] for cut in cuts)]

    def same(self, left, right):
        native = right.data.astype(right.data.dtype.newbyteorder("="))
        header = {k: v for k, v in right.header.items() if k}
        return (
            same_array(left.data, native)
            and left.unit == right.unit
            and same_wcs(left.wcs, right.wcs)
            and same_uncertainty(left.uncertainty, right.uncertainty)
            and {k: left.header[k] for k in header} == header
            and len(left.header) == len(header)
            and all(
                same_array(getattr(left, name), getattr(right, name))
                for name in ("mask", "flags", "psf")
            )
        )


class _FitsAlone(FormatterSuite):
    @pytest.fixture
    def formatter(self):
        return FitsFormatter()


class TestFitsHeaders(_FitsAlone):
    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Header")

    @pytest.fixture
    def values(self):
        header = fits.Header({"EXPTIME": 30.5, "OBJECT": "M 13"})
        header["HIERARCH a long key"] = -1.2345678901234567e-05
        header["TINY"] = (-1.2345678901234567e-300, "a comment")
        header.add_history("first")
        header["AFTER"] = True
        header.add_history("second")
        header.add_comment("a comment")
        return [header, fits.Header()]

    def same(self, left, right):
        return [tuple(card) for card in left.cards] == [tuple(c) for c in right.cards]


class TestFitsWcs(_FitsAlone):
    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Wcs")

    @pytest.fixture
    def values(self):
        sized = make_wcs()
        sized.pixel_shape = (100, 200)
        return [make_wcs(), sized, make_sip()]

    def same(self, left, right):
        return same_wcs(left, right) and left.pixel_shape == right.pixel_shape


class TestFitsUncertainties(_FitsAlone):
    @pytest.fixture
    def storage_class(self):
        return get_storage_class("Uncertainty")

    @pytest.fixture
    def values(self):
        return [
            StdDevUncertainty(np.ones((2, 3), np.float32)),
            VarianceUncertainty(np.ones((2, 3)), unit="adu2"),
        ]

    def same(self, left, right):
        return same_uncertainty(left, right)


class TestFitsArrays(_FitsAlone):
    @pytest.fixture
    def storage_class(self):
        return get_storage_class("NumpyArray")

    @pytest.fixture
    def values(self):
        return [np.arange(6.0).reshape(2, 3), np.array([True, False])]

    def same(self, left, right):
        return same_array(left, right)
