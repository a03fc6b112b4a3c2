"""Raw frames come in once; bad ones are named and the rest goes on."""

from __future__ import annotations

import errno
import gzip
import os
import re
import resource
import shutil
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from astropy.io import fits

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.config.settings import RepositorySettings
from pantler.errors import ConflictError, HeaderError
from pantler.ingest.frames import find_files, read_frame
from pantler.ingest.raws import ingest_raws
from pantler.ingest.registration import register_instrument
from pantler.ingest.visits import define_visits
from pantler.instruments.arcsat import Arcsat
from pantler.instruments.demo.camera import DemoCamera


@pytest.fixture
def copied(night, tmp_path):
    """A copy of the night that a test may spoil."""
    folder = tmp_path / "night"
    shutil.copytree(night[0].parent, folder)
    return sorted(folder.iterdir())


def set_card(path, key, value):
    with fits.open(path, mode="update") as units:
        units[0].header[key] = value


def test_every_frame_is_a_dataset(repository, butler, camera, night):
    report = ingest_raws(repository, [night[0].parent], camera)
    assert report.failed == []
    assert report.skipped == []
    assert report.ingested == sorted(night)
    refs = butler.query_datasets("raw", collections=camera.raw_run)
    assert refs.count() == len(night) == len(report.refs)
    path, ref = report.ingested[-1], report.refs[-1]
    image = butler.get(ref)
    np.testing.assert_array_equal(image.data, fits.getdata(path))
    assert ref.data_id["detector"] == fits.getheader(path)["DETECTOR"]


def test_exposures_are_recorded_with_day_and_group(repository, butler, camera, night):
    ingest_raws(repository, night, camera)
    exposures = butler.query_dimension_records("exposure").to_polars().sort("exposure")
    assert exposures["observation_type"].to_list() == [
        "bias", "dark", "science", "science", "science", "science",
    ]  # fmt: skip
    assert exposures["physical_filter"].to_list()[1:4] == ["none", "demo_g", "demo_g"]
    assert butler.query_dimension_records("group").count() == 6
    (day,) = butler.query_dimension_records("day_obs")
    assert day["day_obs"] == 20250301
    assert day.timespan.contains(exposures["timespan_begin"][0])


def test_a_frame_ingested_twice_is_skipped(repository, butler, camera, night):
    ingest_raws(repository, night[:4], camera)
    report = ingest_raws(repository, night, camera)
    assert report.skipped == night[:4]
    assert report.ingested == night[4:]


def test_copies_of_one_frame_count_once(repository, butler, camera, night, tmp_path):
    twin = tmp_path / "twin.fits"
    shutil.copy(night[0], twin)
    report = ingest_raws(repository, [night[0], twin], camera)
    assert report.ingested == [night[0]]
    assert report.skipped == [twin]


def altered(path, to):
    """Return a copy of a frame with one pixel changed."""
    shutil.copy(path, to)
    with fits.open(to, mode="update") as units:
        units[0].data[3, 3] += 1
    return to


def test_an_image_its_mask_and_its_weight_are_not_told_apart_by_their_names(
    repository, butler, camera, night, tmp_path
):
    names = [tmp_path / f"exposure_{kind}.fits" for kind in ("mask", "ooi", "weight")]
    for number, path in enumerate(names):
        shutil.copy(night[0], path)
        with fits.open(path, mode="update") as units:
            units[0].data[:] = number
    report = ingest_raws(repository, [tmp_path, *night[1:4]], camera)
    assert report.ingested == night[1:4]
    assert report.skipped == []
    assert [path for path, _ in report.failed] == names
    for path, reason in report.failed:
        assert str(path) in reason
        assert sum(str(one) in reason for one in names) == 2
        assert "exposure 250301001, detector 0" in reason
    with pytest.raises(ConflictError, match="differ"):
        ingest_raws(repository, names, camera, fail_fast=True)
    report = ingest_raws(repository, [names[1]], camera)
    assert report.ingested == [names[1]]
    assert int(butler.get(report.refs[0]).data[0, 0]) == 1


@pytest.mark.parametrize("transfer", ["copy", "direct", "symlink", "hardlink"])
def test_an_altered_copy_of_a_frame_is_not_there_already(
    repository, camera, copied, tmp_path, transfer
):
    ingest_raws(repository, copied[:4], camera, transfer=transfer)
    other = altered(copied[0], tmp_path / "other.fits")
    longer = tmp_path / "longer.fits"
    longer.write_bytes(copied[1].read_bytes() + b"\0" * 2880)
    twin = tmp_path / "twin.fits"
    shutil.copy(copied[2], twin)
    report = ingest_raws(repository, [other, longer, twin, *copied[:4]], camera)
    assert report.ingested == []
    assert report.skipped == [copied[0], copied[1], twin, *copied[2:4]]
    (first, second) = report.failed
    assert (first[0], second[0]) == (other, longer)
    assert f"{other} differs from " in first[1]
    assert first[1].count(".fits") == 2
    assert "'DemoCam/raw/all'" in first[1]


def test_without_checksums_the_bytes_are_compared(camera, night, tmp_path):
    settings = RepositorySettings.from_yaml("datastore: {checksum: false}")
    with Repository.create(tmp_path / "bare", settings=settings) as repository:
        register_instrument(repository, camera)
        ingest_raws(repository, night[:2], camera)
        other = altered(night[0], tmp_path / "other.fits")
        report = ingest_raws(repository, [other, night[1]], camera)
    assert report.skipped == [night[1]]
    assert [path for path, _ in report.failed] == [other]


def test_detectors_may_come_one_after_the_other(repository, butler, camera, night):
    first = [path for path in night if path.stem.endswith("_0")]
    ingest_raws(repository, first, camera)
    report = ingest_raws(repository, night, camera)
    assert len(report.ingested) == len(night) - len(first)


def test_bad_files_are_named_with_the_reason_and_the_rest_goes_on(
    repository, butler, camera, copied
):
    folder = copied[0].parent
    text, cut, keyless, foreign, filterless, absent = (
        folder / "notes.fits", copied[0], copied[1], copied[2], copied[3],
        folder / "absent.fits",
    )  # fmt: skip
    text.write_text("not FITS at all")
    cut.write_bytes(cut.read_bytes()[:6000])
    with fits.open(keyless, mode="update") as units:
        del units[0].header["EXPTIME"]
    set_card(foreign, "DETECTOR", 9)
    set_card(filterless, "FILTER", "demo_q")
    report = ingest_raws(repository, [folder, absent], camera)
    reasons = dict(report.failed)
    assert set(reasons) == {text, cut, keyless, foreign, filterless, absent}
    assert len(report.ingested) == len(copied) - 4
    assert "cannot be read as FITS" in reasons[text]
    assert "is cut off" in reasons[cut]
    assert "no 'EXPTIME'" in reasons[keyless]
    assert "no detector 9; it has 0, 1, 2, 3" in reasons[foreign]
    assert "no filter 'demo_q'" in reasons[filterless]
    assert "is not a file" in reasons[absent]
    assert all(path.name in reason for path, reason in report.failed)


def with_text(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def test_frames_with_damaged_or_absurd_headers_cost_no_time_and_stop_no_other(
    repository, camera, copied
):
    science = copied[-8:]
    packed, axes, no_width, order, time = science[:5]
    packed_bytes = gzip.compress(packed.read_bytes())
    packed.write_bytes(packed_bytes[:300] + b"\0" + packed_bytes[301:])
    with_text(
        axes, b"NAXIS   =                    2", b"NAXIS   =            999999999"
    )
    with_text(no_width, b"NAXIS1 ", b"NAXISX ")
    for key in (b"DETNAME =", b"PROPID  ="):
        at = order.read_bytes().index(key)
        with_text(
            order,
            order.read_bytes()[at : at + 30],
            (b"A_ORDER =" if key[0] == 68 else b"B_ORDER =") + b" 9000".rjust(21),
        )
    set_card(time, "EXPTIME", 1e300)
    begin = monotonic()
    report = ingest_raws(repository, copied, camera)
    visits = define_visits(repository, camera)
    assert monotonic() - begin < 20  # hours, before
    reasons = dict(report.failed)
    assert set(reasons) == {packed, axes, no_width, time}
    assert "gzip compression is damaged" in reasons[packed]
    assert "its NAXIS is 999999999" in reasons[axes]
    assert "its NAXIS1 is missing" in reasons[no_width]
    assert "OverflowError" in reasons[time]
    assert order in report.ingested
    assert len(visits.failed) == 1
    assert len(report.ingested) == len(copied) - 4


def test_fail_fast_stops_at_the_first_bad_file(
    repository, butler, camera, night, tmp_path
):
    bad = tmp_path / "bad.fits"
    bad.write_text("not FITS")
    with pytest.raises(HeaderError, match=r"bad\.fits"):
        ingest_raws(repository, [bad, *night], camera, fail_fast=True)
    assert butler.query_datasets("raw", collections=camera.raw_run).count() == 0


@pytest.mark.parametrize("transfer", ["copy", "move"])
def test_an_exposure_of_which_a_file_cannot_be_stored_stays_out_as_a_whole(
    repository, butler, camera, copied, transfer, monkeypatch
):
    # Links are not possible, and the disk takes no file as large as this.
    monkeypatch.setattr(os, "link", lambda *_, **__: fail_to_link())
    large = copied[6]
    with large.open("ab") as file:
        file.write(b"\0" * 8_000_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (7_000_000, hard))
    try:
        report = ingest_raws(repository, copied, camera, transfer=transfer)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(path for path, _ in report.failed) == copied[4:8]
    assert all("too large" in reason for _, reason in report.failed)
    assert report.ingested == copied[:4] + copied[8:]
    assert all(path.exists() for path in copied[4:8])
    exposures = butler.query_dimension_records("exposure").to_polars()["exposure"]
    assert exposures.len() == 5
    assert not repository.check().damaged
    report = ingest_raws(repository, copied[4:8], camera, transfer=transfer)
    assert report.ingested == copied[4:8]


def fail_to_link():
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def test_frames_of_one_exposure_that_contradict_each_other_stay_out(
    repository, butler, camera, copied
):
    set_card(copied[5], "EXPTIME", 77.0)
    report = ingest_raws(repository, copied, camera)
    assert [path for path, _ in report.failed] == copied[4:8]
    assert "'exposure_time' is 60.0 in" in report.failed[0][1]
    assert len(report.ingested) == len(copied) - 4


def test_an_exposure_that_contradicts_the_repository_stays_out(
    repository, butler, camera, copied
):
    ingest_raws(repository, copied[:1], camera)
    for path in copied[1:4]:
        set_card(path, "OBJECT", "something else")
    report = ingest_raws(repository, copied, camera)
    assert [path for path, _ in report.failed] == copied[1:4]
    assert len(report.ingested) == len(copied) - 4


def test_files_with_several_images_are_refused(repository, butler, camera, tmp_path):
    path = tmp_path / "mosaic.fits"
    images = [fits.ImageHDU(np.zeros((8, 8), np.int16)) for _ in range(2)]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
    report = ingest_raws(repository, [path], camera)
    assert "holds 2 images" in report.failed[0][1]


@pytest.mark.parametrize(
    ("transfer", "stays"),
    [("copy", True), ("hardlink", True), ("symlink", True), ("direct", True),
     ("move", False)],
)  # fmt: skip
def test_files_come_in_as_asked(repository, butler, camera, copied, transfer, stays):
    expected = fits.getdata(copied[-1])
    report = ingest_raws(repository, copied, camera, transfer=transfer)
    assert report.failed == []
    assert all(path.exists() is stays for path in copied)
    np.testing.assert_array_equal(butler.get(report.refs[-1]).data, expected)


def test_another_run_can_be_named(repository, butler, camera, night):
    ingest_raws(repository, night[:4], camera, run="test/raw")
    assert butler.query_datasets("raw", collections="test/raw").count() == 4
    report = ingest_raws(repository, night[:4], camera)
    assert len(report.ingested) == 4


def test_progress_counts_files(repository, butler, camera, night):
    seen = []
    ingest_raws(
        repository,
        night,
        camera,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(n, len(night)) for n in range(1, len(night) + 1)]


def test_folders_are_searched_for_frames(tmp_path):
    for name in ("b.fits", "deep/a.FITS.fz", ".hidden.fits", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    odd = tmp_path / "notes.txt"
    found = find_files([tmp_path, odd, tmp_path / "b.fits"])
    assert found == [tmp_path / "b.fits", tmp_path / "deep" / "a.FITS.fz", odd]


def test_a_folder_that_cannot_be_searched_is_named(
    repository, camera, copied, monkeypatch
):
    deep = copied[0].parent / "deep"
    deep.mkdir()
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path) == str(deep):
            raise PermissionError(errno.EACCES, "Permission denied", str(deep))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = ingest_raws(repository, [copied[0].parent], camera)
    assert report.failed == [(deep, f"{deep} cannot be searched: Permission denied.")]
    assert report.ingested == copied


def test_both_real_nights_come_in_whole(repository, butler):
    default = Path(__file__).parents[3].parent / "shared" / "data"
    shared = Path(os.environ.get("PANTLER_SHARED_DATA", default))
    folders = [shared / "arcsat_m13", shared / "arcsat_lpseb35"]
    if not all(folder.is_dir() for folder in folders):
        reason = f"no real frames in '{shared}'; set PANTLER_SHARED_DATA"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    camera = Arcsat()
    register_instrument(repository, camera)
    report = ingest_raws(repository, folders, camera, transfer="symlink")
    assert report.failed == []
    assert len(report.ingested) == 51
    image = butler.get(
        "raw",
        {"instrument": "ARCSAT", "exposure": 20250530055843, "detector": 0},
        collections=camera.raw_run,
    )
    assert image.data.shape == (1024, 1024)
    assert image.data.dtype.kind == "u"
    assert image.wcs.has_celestial


def test_a_record_that_differs_from_the_one_there_is_told_by_field_and_values(
    repository, camera, night
):
    ingest_raws(repository, night, camera)
    butler = Butler.of(repository)
    record = butler.query_dimension_records("exposure").to_polars().head(1).to_dicts()
    there = record[0]["exposure_time"]
    record[0]["exposure_time"] = there + 1.5
    expected = f"'exposure_time' is {there!r} there and {there + 1.5!r} here"
    with pytest.raises(ConflictError, match=re.escape(expected)):
        repository.registry.dimensions.insert("exposure", record)


def test_the_line_at_which_a_translator_failed_is_named(night):
    class Careless(DemoCamera):
        def translate(self, header):  # noqa: ARG002
            return {"south": 1}["north"]

    with pytest.raises(HeaderError, match="KeyError: 'north'") as told:
        read_frame(night[0], Careless())
    line = Careless.translate.__code__.co_firstlineno + 1
    assert f"({__file__}, line {line})" in str(told.value)


def test_a_failed_translation_says_which_header_keys_it_looked_for(night):
    class Careless(DemoCamera):
        def translate(self, header):
            header.text("FILTER")
            return header.find_text("SKYLEVEL") + header.text("OBJECT")

    with pytest.raises(HeaderError, match="TypeError") as told:
        read_frame(night[0], Careless())
    expected = (
        "Header keys that it looked for last: FILTER, SKYLEVEL (not there), OBJECT."
    )
    assert expected in str(told.value)


def test_an_exposure_number_beyond_the_largest_is_refused(night):
    class Small(DemoCamera):
        exposure_max = 12

    with pytest.raises(HeaderError, match=r"is not one of .*exposure_max is 12\."):
        read_frame(night[0], Small())
    assert read_frame(night[0], DemoCamera()).observation.exposure_id > 12
