"""Exposures of the sky become visits, with the regions that they saw."""

from __future__ import annotations

import errno
import shutil

import numpy as np
import polars as pl
import pytest
from astropy.io import fits
from astropy.wcs import WCS, Sip

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.dimensions.sky.regions import decode_region
from pantler.dimensions.sky.sphere import lonlat_to_vectors
from pantler.errors import HeaderError, QuerySyntaxError, StorageError
from pantler.formatters.fits import FitsFormatter
from pantler.ingest.footprint import image_footprint
from pantler.ingest.raws import ingest_raws
from pantler.ingest.registration import register_instrument
from pantler.ingest.visits import define_visits


@pytest.fixture
def filled(repository, butler, camera, night):
    ingest_raws(repository, night, camera)
    return butler


def records(butler, element):
    return butler.query_dimension_records(element).to_polars()


def image_corners(path, beyond=0.0):
    wcs = WCS(fits.getheader(path))
    low, high = -0.5 - beyond, 63.5 + beyond
    sky = wcs.all_pix2world([low, high, high, low], [low, low, high, high], 0)
    return lonlat_to_vectors(*sky)


def shrunk(region):
    """Return the corners of a region, moved inwards by as much as rounding does."""
    center = region.vertices.mean(0)
    inner = center + 0.999999 * (region.vertices - center)
    return inner / np.linalg.norm(inner, axis=1, keepdims=True)


def test_each_science_exposure_is_a_visit(repository, filled, camera):
    report = define_visits(repository, camera)
    exposures = records(filled, "exposure").filter(observation_type="science")
    assert report.failed == []
    assert report.defined == exposures["exposure"].sort().to_list()
    visits = records(filled, "visit").sort("visit")
    expected = exposures.sort("exposure")
    assert visits["name"].to_list() == expected["obs_id"].to_list()
    for name in ("physical_filter", "day_obs", "exposure_time", "timespan_begin"):
        assert visits[name].to_list() == expected[name].to_list()
    definition = records(filled, "visit_definition")
    assert definition["exposure"].to_list() == definition["visit"].to_list()
    assert records(filled, "visit_system_membership").height == len(report.defined)
    assert records(filled, "visit_system")["name"].to_list() == ["one-to-one"]


def test_regions_hold_their_images_with_a_margin_and_not_more(
    repository, filled, camera, night
):
    define_visits(repository, camera, padding_px=5)
    regions = {
        (row["visit"], row["detector"]): decode_region(row["region"])
        for row in records(filled, "visit_detector_region").iter_rows(named=True)
    }
    assert len(regions) == 16
    for path in night:
        header = fits.getheader(path)
        if header["IMAGETYP"] == "object":
            region = regions[header["EXPNUM"], header["DETECTOR"]]
            assert region.contains(image_corners(path, beyond=4.9)).all()
            assert not region.contains(image_corners(path, beyond=5.1)).any()


def test_the_region_of_a_visit_holds_those_of_its_detectors(repository, filled, camera):
    define_visits(repository, camera)
    visits = {
        row["visit"]: decode_region(row["region"])
        for row in records(filled, "visit").iter_rows(named=True)
    }
    for row in records(filled, "visit_detector_region").iter_rows(named=True):
        inner = shrunk(decode_region(row["region"]))
        assert visits[row["visit"]].contains(inner).all()


def test_defining_again_changes_nothing(repository, filled, camera):
    define_visits(repository, camera)
    before = records(filled, "visit")
    report = define_visits(repository, camera)
    assert (report.defined, report.known, report.failed) == ([], 4, [])
    assert records(filled, "visit").equals(before)


def test_detectors_that_come_late_complete_their_visit(
    repository, butler, camera, night, tmp_path
):
    early = [path for path in night if path.stem.endswith("_0")]
    ingest_raws(repository, early, camera)
    define_visits(repository, camera)
    small = decode_region(records(butler, "visit").sort("visit")["region"][0])
    ingest_raws(repository, night, camera)
    report = define_visits(repository, camera)
    assert len(report.defined) == 4
    assert records(butler, "visit_detector_region").height == 16
    visit = records(butler, "visit").sort("visit")
    large = decode_region(visit["region"][0])
    assert visit.height == 4
    assert large.bounding_circle().radius > 1.5 * small.bounding_circle().radius
    # What came early is still in it, and in a visit of which nothing comes late.
    assert large.contains(shrunk(small)).all()
    once = tmp_path / "once"
    with Repository.create(once) as other:
        register_instrument(other, camera)
        ingest_raws(other, night, camera)
        define_visits(other, camera)
        expected = records(Butler.of(other), "visit").sort("visit")
    for late, whole in zip(visit["region"], expected["region"], strict=True):
        assert np.allclose(
            np.sort(decode_region(late).vertices, axis=0),
            np.sort(decode_region(whole).vertices, axis=0),
        )


def test_frames_without_world_coordinates_are_left_out_and_named(
    repository, butler, camera, night, tmp_path
):
    spoiled = tmp_path / night[-1].name
    shutil.copy(night[-1], spoiled)
    with fits.open(spoiled, mode="update") as units:
        for key in ("CTYPE1", "CTYPE2", "CD1_1", "CD2_2", "CD1_2", "CD2_1"):
            del units[0].header[key]
    ingest_raws(repository, [*night[:-1], spoiled], camera)
    report = define_visits(repository, camera)
    ((frame, reason),) = report.failed
    assert frame == f"exposure {report.defined[-1]}, detector 3"
    assert "no celestial world coordinates" in reason
    assert records(butler, "visit_detector_region").height == 15
    assert "1 frame left out" in report.summary()
    assert frame in report.summary()


def test_an_exposure_without_any_region_is_not_a_visit(
    repository, butler, camera, night, tmp_path
):
    spoiled = tmp_path / night[-1].name
    shutil.copy(night[-1], spoiled)
    with fits.open(spoiled, mode="update") as units:
        for key in ("CTYPE1", "CTYPE2"):
            del units[0].header[key]
    ingest_raws(repository, [spoiled], camera)
    report = define_visits(repository, camera)
    assert report.defined == []
    assert len(report.failed) == 1
    assert records(butler, "visit").is_empty()


def test_a_frame_that_cannot_be_read_keeps_its_whole_visit_out_for_now(
    filled, repository, camera, monkeypatch
):
    get = FitsFormatter.read_file

    def fail(self, path, *args, **kwargs):
        if "/2/" in str(path) and "250301004" in path.name:
            raise OSError(errno.EIO, "Input/output error")
        return get(self, path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(FitsFormatter, "read_file", fail)
        report = define_visits(repository, camera)
    assert 250301004 not in report.defined
    assert len(report.defined) == 3
    assert len(report.failed) == 4
    reasons = dict(report.failed)
    assert "Input/output error" in reasons["exposure 250301004, detector 2"]
    assert "detector 2 cannot be read" in reasons["exposure 250301004, detector 0"]
    assert records(filled, "visit_detector_region").height == 12
    assert define_visits(repository, camera).defined == [250301004]


@pytest.mark.parametrize("element", ["visit", "visit_detector_region"])
def test_a_visit_that_cannot_be_stored_is_left_out_as_a_whole_and_named(
    filled, repository, camera, monkeypatch, element
):
    insert = type(repository.registry.dimensions).insert

    def fail(self, name, rows, **more):
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)
        if name == element and 250301005 in frame["visit"].to_list():
            raise StorageError("No space left on device.")
        return insert(self, name, rows, **more)

    with monkeypatch.context() as patch:
        patch.setattr(type(repository.registry.dimensions), "insert", fail)
        report = define_visits(repository, camera)
    assert len(report.defined) == 3
    assert [frame for frame, _ in report.failed] == [
        f"exposure 250301005, detector {n}" for n in range(4)
    ]
    assert "No space left on device" in report.summary()
    for name in ("visit", "visit_definition", "visit_detector_region"):
        assert 250301005 not in records(filled, name)["visit"].to_list()
    assert define_visits(repository, camera).defined == [250301005]


def test_exposures_can_be_chosen(repository, filled, camera):
    report = define_visits(repository, camera, where="band = 'r'")
    assert len(report.defined) == 2
    assert len(define_visits(repository, camera).defined) == 2


def test_a_wrong_choice_is_said(repository, filled, camera):
    with pytest.raises(QuerySyntaxError, match="column 8"):
        define_visits(repository, camera, where="band = = 'r'")


def bent(ctype="RA---TAN", **cards):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [ctype, ctype.replace("RA--", "DEC-")]
    wcs.wcs.crval = [30.0, 60.0]
    wcs.wcs.crpix = [500.5, 500.5]
    wcs.wcs.cd = [[-0.01, 0], [0, 0.01]]
    for key, value in cards.items():
        setattr(wcs.wcs, key, value)
    wcs.pixel_shape = (1000, 1000)
    return wcs


def test_a_plain_projection_has_four_corners():
    assert len(image_footprint(bent(), 0.0).vertices) == 4


def test_the_sides_of_a_distorted_image_are_followed():
    wcs = bent("RA---TAN-SIP")
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    bulge = np.zeros((3, 3))
    bulge[2, 0] = 1e-4  # rows are shifted by up to 25 pixels
    wcs.sip = Sip(np.zeros((3, 3)), bulge, None, None, wcs.wcs.crpix)
    region = image_footprint(wcs, 2.0)
    assert len(region.vertices) > 4
    edge = np.linspace(0, 999, 200)
    for x, y in ((edge, 0 * edge), (edge, 0 * edge + 999)):
        sky = wcs.pixel_to_world(x, y)
        assert region.contains(lonlat_to_vectors(sky.ra.deg, sky.dec.deg)).all()


def test_other_frames_are_brought_to_icrs():
    wcs = bent("GLON-TAN")
    wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"]
    middle = wcs.pixel_to_world(499.5, 499.5).icrs
    center = lonlat_to_vectors([middle.ra.deg], [middle.dec.deg])
    assert image_footprint(wcs, 0.0).contains(center).all()


def test_an_image_beyond_the_projection_is_refused():
    wcs = bent("RA---SIN", cd=[[-1.0, 0], [0, 1.0]])
    with pytest.raises(HeaderError, match="world coordinates"):
        image_footprint(wcs, 0.0)


def test_a_condition_that_leaves_no_frame_is_named(repository, filled, camera):
    wrong = "exposure.observation_type = 'scince'"
    summary = define_visits(repository, camera, where=wrong).summary()
    assert f"No row satisfies `{wrong}`." in summary
    assert "Did you mean 'science'" in summary
    darks = "exposure.observation_type = 'dark'"
    summary = define_visits(repository, camera, where=darks).summary()
    assert "None of the 4 frames that were found is of the sky" in summary
    assert define_visits(repository, camera).reasons == []


def test_an_exposure_that_is_not_a_visit_is_told_from_one_that_is_not_there(
    repository, filled, camera
):
    exposures = records(filled, "exposure").filter(observation_type="science")
    first, left_out = exposures["exposure"].sort().to_list()[:2]
    define_visits(repository, camera, where=f"exposure != {left_out}")
    sentence = f"There is exposure {left_out}, but no visit has been defined for it."
    said = filled.query_data_ids("visit", where=f"visit = {left_out}").why_empty()
    assert said[0] == f"No row satisfies `visit = {left_out}`."
    assert said[1].startswith(sentence)
    assert "define-visits" in said[1]
    absent = filled.query_data_ids("visit", where=f"visit = {first + 90}").why_empty()
    assert "There is exposure" not in " ".join(absent)
    assert "Did you mean" not in " ".join(absent)


def test_a_visit_whose_exposure_was_removed_is_completed_again(
    repository, filled, camera, night
):
    define_visits(repository, camera)
    before = records(filled, "visit").sort("visit")
    regions = records(filled, "visit_detector_region").sort("visit", "detector")
    lost = before["visit"][0]
    wrong = filled.query_dimension_records("exposure", where=f"exposure = {lost}")
    plan = filled.dimensions.plan_removal("exposure", wrong)
    assert [(one.name, one.rows["visit"].to_list()) for one in plan.bereft] == [
        ("visit", [lost])
    ]
    assert f"made of: 1 'visit' record ({lost})." in str(plan)
    plan.apply(cascade=True)
    ingest_raws(repository, night, camera)
    report = define_visits(repository, camera, padding_px=9)
    assert (report.defined, report.known, report.failed) == ([lost], 3, [])
    assert lost in records(filled, "visit_definition")["exposure"].to_list()
    assert records(filled, "visit").height == before.height
    again = records(filled, "visit_detector_region").sort("visit", "detector")
    assert again.height == regions.height
    changed = again.filter(again["region"] != regions["region"])["visit"].unique()
    assert changed.to_list() == [lost]


def test_a_plan_does_not_name_visits_that_go_too(repository, filled, camera):
    define_visits(repository, camera)
    visits = filled.query_dimension_records("visit")
    assert filled.dimensions.plan_removal("visit", visits).bereft == ()
    everything = filled.query_dimension_records("instrument")
    assert filled.dimensions.plan_removal("instrument", everything).bereft == ()
