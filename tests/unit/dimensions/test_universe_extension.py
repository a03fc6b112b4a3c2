"""A newer version of a universe may add, and nothing else."""

from __future__ import annotations

import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pantler.dimensions.extension import extension_of
from pantler.dimensions.universe import Universe
from pantler.errors import ConflictError
from pantler.testing.registry_universe import extended_universe

OLD = Universe.default()
DATA = yaml.safe_load(OLD.to_yaml())


def changed(change):
    data = copy.deepcopy(DATA)
    data["version"] += 1
    change(data)
    return Universe.restored(yaml.safe_dump(data, sort_keys=False))


def element(data, name):
    return data["elements"][name]


def test_what_is_added_is_listed():
    found = extension_of(OLD, extended_universe())
    assert [e.name for e in found.elements] == ["amplifier", "field"]
    assert list(map(str, found.columns)) == ["visit.moon"]
    assert found.pixels == ("healpix18", "healpix19", "healpix20")


def test_other_words_are_no_change():
    found = extension_of(OLD, changed(lambda d: element(d, "visit").update(doc="X.")))
    assert (found.elements, found.columns, found.pixels) == ((), (), ())


def reordered(data):
    elements = data["elements"]
    data["elements"] = {"tract": elements.pop("tract"), **elements}


def relation(**more):
    return {"doc": "R.", "requires": ["visit", "tract"], **more}


REFUSED = {
    "'subfilter' is gone": lambda d: d["elements"].pop("subfilter"),
    "namespace is 'other'": lambda d: d.update(namespace="other"),
    "not after version 1": lambda d: d.update(version=1),
    "common sky pixels are 'htm6'": lambda d: d["skypix"].update(common="htm6"),
    "'htm24' is gone": lambda d: d["skypix"]["systems"].update(htm={"max_level": 23}),
    "'visit' has other keys": lambda d: element(d, "visit")["keys"].pop(),
    "'group': requires was": lambda d: element(d, "group").update(requires=[]),
    "'visit': implies was": lambda d: element(d, "visit").update(implies=["day_obs"]),
    "governor was False": lambda d: element(d, "ssp_balanced_index").update(
        governor=True
    ),
    "its spatial family was 'skymap_regions'": lambda d: d["topology"][
        "spatial"
    ].update(skymap_regions=["patch"]),
    "another order": reordered,
    "members of the family 'skymap_regions'": lambda d: d["topology"]["spatial"].update(
        skymap_regions=["tract", "patch"]
    ),
    "lost its column 'purpose'": lambda d: element(d, "detector")["metadata"].pop(),
    "column 'purpose' is another": lambda d: element(d, "detector")["metadata"][
        -1
    ].update(length=64),
    "'x' cannot be null": lambda d: element(d, "detector")["metadata"].append(
        {"name": "x", "type": "int", "nullable": False}
    ),
    "new 'r' relates only": lambda d: d["elements"].update(
        r=relation(always_join=True)
    ),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_does_more_than_add_is_refused(said):
    with pytest.raises(ConflictError, match=said):
        extension_of(OLD, changed(REFUSED[said]))


def test_every_problem_is_told():
    def change(data):
        data["skypix"]["common"] = "htm6"
        element(data, "detector")["metadata"].pop()
        element(data, "visit")["keys"].pop()

    with pytest.raises(ConflictError) as caught:
        extension_of(OLD, changed(change))
    assert str(caught.value).count("\n  - ") == 3


@given(st.sets(st.sampled_from(sorted(DATA["elements"])), max_size=5))
def test_groups_of_before_are_as_they_were(names):
    new = extended_universe()
    wanted = [name for name in names if OLD[name].is_dimension]
    before, after = OLD.group(wanted), new.group(wanted)
    assert (before.required, before.implied) == (after.required, after.implied)
    assert [e.name for e in before.elements] == [e.name for e in after.elements]
