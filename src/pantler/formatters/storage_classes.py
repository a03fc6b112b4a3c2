"""The storage classes that pantler brings, each named by an entry point."""

from __future__ import annotations

from typing import Final

from pantler.datasets.storage_class import StorageClass

NUMPY_ARRAY: Final = StorageClass("NumpyArray", "numpy.ndarray", "npy")
"""An array of numbers, truth values or text."""

HEADER: Final = StorageClass("Header", "astropy.io.fits.Header", "fits")
"""The header of an image, without the keywords that describe its file."""

WCS: Final = StorageClass("Wcs", "astropy.wcs.WCS", "fits")
"""Where on the sky a pixel is."""

UNCERTAINTY: Final = StorageClass("Uncertainty", "astropy.nddata.NDUncertainty", "fits")
"""An uncertainty for each pixel, as deviation, variance or inverse variance."""

CCD_IMAGE: Final = StorageClass(
    "CCDImage",
    "astropy.nddata.CCDData",
    "fits",
    components={
        "data": "NumpyArray",
        "mask": "NumpyArray",
        "uncertainty": "Uncertainty",
        "wcs": "Wcs",
        "header": "Header",
        "unit": "Text",
        "flags": "NumpyArray",
        "psf": "NumpyArray",
    },
    parameters=frozenset({"cutout"}),
    delegate="pantler.formatters.ccd_image.CcdImageDelegate",
)
"""An image with what belongs to it; ``cutout`` is (y0, y1, x0, x1), half-open."""

STRUCTURED_LIST: Final = StorageClass("StructuredList", "builtins.list", "json")
"""A list of what JSON can hold."""

STRUCTURED_DICT: Final = StorageClass("StructuredDict", "builtins.dict", "json")
"""A dictionary of what JSON can hold."""

STRUCTURED_DICT_YAML: Final = StorageClass(
    "StructuredDictYaml", "builtins.dict", "yaml"
)
"""A dictionary that people are to read or edit."""

_COLUMNS: Final = {"columns": "StructuredList"}
_TABLE_PARAMETERS: Final = frozenset({"columns", "rows"})
_TABLE_TYPES: Final = (
    "astropy.table.Table",
    "polars.DataFrame",
    "pandas.DataFrame",
    "pyarrow.Table",
    "numpy.ndarray",
)


def _from_tables(python_type: str, function: str) -> dict[str, str]:
    """Return the converters of a kind of table from the others."""
    path = f"pantler.formatters.tables.conversion.{function}"
    return {other: path for other in _TABLE_TYPES if other != python_type}


TABLE: Final = StorageClass(
    "Table",
    "astropy.table.Table",
    "parquet",
    components=_COLUMNS,
    parameters=_TABLE_PARAMETERS,
    converters=_from_tables("astropy.table.Table", "to_astropy"),
)
"""A table with units, descriptions and metadata; ``columns`` names those to read,
``rows`` are conditions such as ``("mag", "<", 21.5)``."""

DATA_FRAME: Final = StorageClass(
    "DataFrame",
    "polars.DataFrame",
    "parquet",
    components=_COLUMNS,
    parameters=_TABLE_PARAMETERS,
    converters=_from_tables("polars.DataFrame", "to_polars"),
)
"""A data frame of polars; parameters as of Table."""

PANDAS_FRAME: Final = StorageClass(
    "PandasFrame",
    "pandas.DataFrame",
    "parquet",
    components=_COLUMNS,
    parameters=_TABLE_PARAMETERS,
    converters=_from_tables("pandas.DataFrame", "to_pandas"),
    extra="pandas",
)
"""A data frame of pandas, with its index; parameters as of Table."""

ARROW_TABLE: Final = StorageClass(
    "ArrowTable",
    "pyarrow.Table",
    "parquet",
    components=_COLUMNS,
    parameters=_TABLE_PARAMETERS,
    converters=_from_tables("pyarrow.Table", "to_arrow"),
    extra="arrow",
)
"""A table of Arrow; parameters as of Table."""

STRUCTURED_ARRAY: Final = StorageClass(
    "StructuredArray",
    "numpy.ndarray",
    "parquet",
    components=_COLUMNS,
    parameters=_TABLE_PARAMETERS,
    converters=_from_tables("numpy.ndarray", "to_structured"),
)
"""An array with named fields, masked if values are missing; parameters as of Table."""

PICTURE: Final = StorageClass("Picture", "PIL.Image.Image", "png")
"""A picture to look at."""

TEXT: Final = StorageClass("Text", "builtins.str", "text")
"""Text."""

TASK_LOG: Final = StorageClass("TaskLog", "builtins.list", "json")
"""The log records of one quantum, each a dictionary."""

TASK_METADATA: Final = StorageClass("TaskMetadata", "builtins.dict", "json")
"""What a task noted about one quantum."""

BYTES: Final = StorageClass("Bytes", "builtins.bytes", "bytes")
"""Bytes, of which nothing is known."""

QUANTITY: Final = StorageClass(
    "Quantity",
    "astropy.units.Quantity",
    "quantity",
    components={"value": "NumpyArray", "unit": "Text"},
)
"""A number or numbers with a unit, such as the value of a metric."""

TIMESPAN: Final = StorageClass(
    "Timespan", "pantler.dimensions.timespan.Timespan", "timespan"
)
"""A span of time."""

REGION: Final = StorageClass(
    "Region", "pantler.dimensions.sky.regions.Region", "region"
)
"""A region of the sky."""

ARRAY_DICT: Final = StorageClass(
    "ArrayDict", "builtins.dict", "hdf5", parameters=frozenset({"keys"})
)
"""A dictionary of arrays and plain values; ``keys`` names those to read, ``"a/b"``."""

FIGURE: Final = StorageClass(
    "Figure", "matplotlib.figure.Figure", "figure_png", extra="plots"
)
"""A figure of matplotlib; what is got is the drawing, as a picture."""

SPECTRUM: Final = StorageClass(
    "Spectrum", "specutils.Spectrum", "spectrum", extra="spectra"
)
"""A spectrum of specutils, or several on one spectral axis."""

FITS_EXTENSIONS: Final = StorageClass(
    "FitsExtensions",
    "astropy.io.fits.HDUList",
    "fits_extensions",
    parameters=frozenset({"extensions"}),
)
"""A FITS file with all its extensions; ``extensions`` names those to read."""

PYTHON_OBJECT: Final = StorageClass("PythonObject", "builtins.object", "pickle")
"""Any object, for repositories whose settings name the formatter ``pickle``."""
