"""Graphs built from a small survey."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.timespan import Timespan
from pantler.errors import (
    ConflictError,
    DataIdError,
    DatasetNotFoundError,
    DatasetTypeNotFoundError,
    NotFoundError,
    PipelineError,
)
from pantler.quanta.building.build import UuidOrigin
from pantler.tasks.connections import Input, PrerequisiteInput
from pantler.testing.survey import DAY_NS, insert_some, raw_type


def data_ids(graph, label, *names):
    return set(graph.quanta[label].data_ids.frame().select(names).rows())


def refs(quantum, connection, name="detector"):
    return [ref.data_id[name] for ref in quantum.inputs[connection]]


def counts(graph):
    return dict(graph.summary().select("task", "quanta").rows())


def test_the_quanta_of_each_task_are_projections_of_one_join(build):
    graph = build()
    # Visit 3 sees no patch, so that nothing of it can come to anything.
    expected = {(visit, detector) for visit in (1, 2) for detector in range(4)}
    assert data_ids(graph, "reduce", "exposure", "detector") == expected
    assert data_ids(graph, "measure", "visit", "detector") == expected
    assert data_ids(graph, "gather", "tract", "patch", "band") == {
        (visit - 1, detector, "g") for visit, detector in expected
    }


def test_without_tasks_on_the_sky_nothing_has_to_be_on_it(build):
    assert counts(build("reduce", "measure")) == {"reduce": 12, "measure": 12}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("visit = 1", 4),
        ("exposure = 2", 4),
        ("detector IN (0..1)", 4),
        ("tract = 1 AND patch = 3", 1),
        ("band = 'g'", 8),
        ("exposure.can_see_sky", 4),
        ("visit = 1 OR detector = 0", 5),
        ("instrument = 'Cam' AND skymap = 'sky'", 8),
        ("visit.exposure_time > 10 AND patch < 2", 2),
        ("visit_detector_region.region OVERLAPS POINT(11.3, 0.1)", 1),
    ],
)
def test_conditions_work_upstream_and_downstream(build, where, expected):
    assert counts(build(where=where)) == dict.fromkeys(
        ("reduce", "measure", "gather"), expected
    )


def test_a_condition_may_name_dimensions_that_no_task_has(build):
    graph = build("reduce", "measure", where="tract = 1")
    assert data_ids(graph, "reduce", "exposure") == {(2,)}


def test_a_quantum_has_its_datasets_in_full(build):
    graph = build()
    quantum = graph.quantum(0)
    assert quantum.label == "reduce"
    assert dict(quantum.data_id) == {
        "instrument": "Cam",
        "detector": 0,
        "exposure": 1,
        "physical_filter": "g1",
        "day_obs": 20260101,
        "group": "group 1",
        "band": "g",
    }
    (raw,) = quantum.inputs["raw"]
    assert (raw.run, raw.dataset_type.name) == ("Cam/raw", "raw")
    (made,) = quantum.outputs["reduced"]
    assert (made.run, made.data_id) == ("out", raw.data_id)
    assert quantum.log_ref.dataset_type.name == "reduce_log"
    assert quantum.metadata_ref.data_id == quantum.data_id


def test_what_one_quantum_makes_another_takes(build):
    graph = build()
    dependencies = graph.dependencies()
    for index in range(len(graph)):
        made = {r.id for refs in graph.quantum(index).outputs.values() for r in refs}
        takers = [
            other
            for other in range(len(graph))
            for taken in graph.quantum(other).inputs.values()
            if made & {ref.id for ref in taken}
        ]
        assert dependencies.row(index).tolist() == takers


def test_inputs_are_found_as_the_registry_finds_them(build, registry):
    insert_some(registry, raw_type(registry), "Cam/again", [1])
    graph = build(inputs=("Cam/again", "Cam/raw", "Cam/calib"))
    for index in range(8):
        (ref,) = graph.quantum(index).inputs["raw"]
        found = registry.datasets.find(
            ref.dataset_type, ref.data_id, ("Cam/again", "Cam/raw")
        )
        assert ref == found
        assert ref.run == ("Cam/again" if ref.data_id["exposure"] == 1 else "Cam/raw")


def test_uuids_are_new_unless_they_are_asked_for(build):
    first = build(uuids_from=UuidOrigin(7, 1_700_000_000_000))
    second = build(uuids_from=UuidOrigin(7, 1_700_000_000_000))
    assert first.quantum(3).outputs == second.quantum(3).outputs
    assert build().quantum(3).outputs != first.quantum(3).outputs
    ids = [
        row.tobytes()
        for table in first.datasets.values()
        for row in table.uuids(first.header)
    ]
    assert len(set(ids)) == len(ids)


def test_calibrations_are_those_of_the_time(build, registry):
    bias = registry.dataset_types.get("bias")
    old, new = (insert_some(registry, bias, f"Cam/b{n}", [1]) for n in (1, 2))
    registry.collections.register("Cam/dated", CollectionType.CALIBRATION)
    middle = 2 * DAY_NS
    registry.collections.certify("Cam/dated", old, Timespan(0, middle))
    registry.collections.certify("Cam/dated", new[:2], Timespan(middle, 3 * DAY_NS))
    graph = build("reduce", inputs=("Cam/raw", "Cam/dated", "Cam/calib"))
    for index in range(len(graph)):
        quantum = graph.quantum(index)
        (ref,) = quantum.inputs["bias"]
        assert ref.data_id["detector"] == quantum.data_id["detector"]
        exposure, detector = quantum.data_id["exposure"], ref.data_id["detector"]
        dated = {1: "Cam/b1", 2: "Cam/b2" if detector < 2 else "Cam/biases"}
        assert ref.run == dated.get(exposure, "Cam/biases")


def test_a_plain_member_of_a_run_is_a_calibration_at_any_time(build):
    graph = build("reduce", inputs=("Cam/raw", "Cam/biases"))
    assert {graph.quantum(i).inputs["bias"][0].run for i in range(12)} == {"Cam/biases"}


def test_a_missing_calibration_is_named(build, registry):
    with pytest.raises(
        DatasetNotFoundError, match=r"'reduce' needs 'bias'.*12 of its 12.*exposure: 1"
    ):
        build("reduce", inputs=("Cam/raw",))
    bias = registry.dataset_types.get("bias")
    registry.collections.register("Cam/early", CollectionType.CALIBRATION)
    ids = insert_some(registry, bias, "Cam/b", [1])
    registry.collections.certify("Cam/early", ids, Timespan(0, 2 * DAY_NS))
    with pytest.raises(DatasetNotFoundError, match=r"8 of its 12 quanta.*'Cam/early'"):
        build("reduce", inputs=("Cam/raw", "Cam/early"))


def test_two_calibrations_at_one_time_are_refused(build, registry):
    bias = registry.dataset_types.get("bias")
    registry.collections.register("Cam/split", CollectionType.CALIBRATION)
    middle = DAY_NS + 5_000_000_000  # within the first exposure
    for run, span in (
        ("Cam/b1", Timespan(0, middle)),
        ("Cam/b2", Timespan(middle, 9 * DAY_NS)),
    ):
        ids = insert_some(registry, bias, run, [1])
        registry.collections.certify("Cam/split", ids, span)
    with pytest.raises(DataIdError, match=r"takes one 'bias' .*, and 2 are valid"):
        build("reduce", inputs=("Cam/raw", "Cam/split"))


@pytest.mark.parametrize(
    ("where", "pattern"),
    [
        ("detector = 99", r"detector = 99"),
        ("visit = 3", "the 4 'visit_detector_region' records with the 8 'patch'"),
        ("exposure = 1 AND visit = 2", r"visit_definition"),
        ("band = 'z'", r"band = 'z'"),
    ],
)
def test_an_empty_graph_says_why(build, where, pattern):
    with pytest.raises(NotFoundError, match=rf"No quanta for reduce, .*{pattern}"):
        build(where=where)


def test_inputs_and_records_that_do_not_meet_are_both_named(build, registry):
    everything = raw_type(registry, "raw")
    exposure = registry.dimensions.find(
        "exposure", {"instrument": "Cam", "exposure": 3}
    )
    other = {**exposure.values, "exposure": 4, "obs_id": "obs-4"}
    registry.dimensions.insert("exposure", [other])
    insert_some(registry, everything, "Cam/alone", [4])
    with pytest.raises(
        NotFoundError,
        match=r"None of the 4 'raw' datasets in 'Cam/alone'.* agrees in 'exposure' "
        r"with any of the 3 'visit_definition' records "
        r"\(which exposures make up a visit\)",
    ):
        build("reduce", "measure", inputs=("Cam/alone", "Cam/calib"))


def test_a_graph_without_inputs_says_where_none_are(build):
    with pytest.raises(
        NotFoundError, match=r"There are no 'raw' datasets in 'Cam/biases'\.$"
    ):
        build(inputs=("Cam/biases",))


def test_inputs_that_nobody_registered_are_named(build, make_pipeline):
    with pytest.raises(DatasetTypeNotFoundError, match="needs 'measured'"):
        build(pipeline=make_pipeline("gather"))


def test_a_run_that_has_outputs_is_refused(build, registry):
    graph = build("reduce", where="detector = 1")
    reduced = graph.datasets["reduced"]
    registry.dataset_types.register(reduced.dataset_type)
    registry.collections.register("out", CollectionType.RUN)
    frame = reduced.data_ids.frame()
    ids = uuid_series(make_uuids(frame.height))
    registry.datasets.insert(reduced.dataset_type, "out", frame, ids)
    for where in ("", "detector = 2"):
        with pytest.raises(ConflictError, match="'out' has outputs already"):
            build("reduce", where=where)


def test_quanta_with_too_few_inputs_are_left_out(build, make_pipeline, registry):
    pipeline = make_pipeline("reduce", "measure", "gather")
    gather = pipeline.tasks["gather"]
    edge = gather.inputs["measurements"]
    hungry = replace(edge, connection=replace(edge.connection, minimum=2))
    tasks = {
        **pipeline.tasks,
        "gather": replace(gather, inputs={"measurements": hungry}),
    }
    insert_some(registry, raw_type(registry), "Cam/x")
    graph = build(pipeline=replace(pipeline, tasks=tasks))
    assert counts(graph) == {"reduce": 8, "measure": 8, "gather": 0}
    assert len(graph.datasets["gathered"]) == 0


def test_inputs_that_nobody_takes_any_more_are_left_out(build, make_pipeline, registry):
    group = registry.universe.group(["exposure", "detector"])
    other = DatasetType("other", group, "StructuredDict")
    registry.dataset_types.register(other)
    insert_some(registry, other, "Cam/other")
    pipeline = make_pipeline("reduce", "measure")
    measure = pipeline.tasks["measure"]
    edge = measure.inputs["frames"]
    hungry = replace(
        edge, dataset_type=other, connection=replace(edge.connection, minimum=2)
    )
    tasks = {**pipeline.tasks, "measure": replace(measure, inputs={"frames": hungry})}
    graph = build(
        pipeline=replace(pipeline, tasks=tasks),
        inputs=("Cam/raw", "Cam/calib", "Cam/other"),
    )
    assert counts(graph) == {"reduce": 12, "measure": 0}
    assert len(graph.datasets["raw"]) == 12
    assert len(graph.datasets["other"]) == 0


def test_an_optional_input_does_not_decide_and_is_taken_where_it_is(
    build, make_pipeline, registry
):
    reduced = DatasetType(
        "reduced", registry.universe.group(["exposure", "detector"]), "StructuredDict"
    )
    registry.dataset_types.register(reduced)
    insert_some(registry, reduced, "Cam/reduced", [1])
    pipeline = make_pipeline("measure")
    task = pipeline.tasks["measure"]
    edge = task.inputs["frames"]
    for minimum, expected in ((0, {0: 8, 1: 4}), (1, {1: 4})):
        optional = replace(edge, connection=replace(edge.connection, minimum=minimum))
        tasks = {"measure": replace(task, inputs={"frames": optional})}
        graph = build(pipeline=replace(pipeline, tasks=tasks), inputs=("Cam/reduced",))
        taken = [len(graph.quantum(i).inputs["frames"]) for i in range(len(graph))]
        assert {n: taken.count(n) for n in set(taken)} == expected


def test_optional_inputs_may_have_types_that_nobody_registered(build, make_pipeline):
    pipeline = make_pipeline("reduce", "measure")
    tasks = dict(pipeline.tasks)
    bias = tasks["reduce"].prerequisites["bias"]
    other = replace(bias.dataset_type, name="flat")
    optional = replace(bias.connection, minimum=0)
    flat = replace(bias, name="flat", connection=optional, dataset_type=other)
    tasks["reduce"] = replace(tasks["reduce"], prerequisites={"flat": flat})
    frames = tasks["measure"].inputs["frames"]
    sky = replace(
        frames,
        connection=replace(frames.connection, minimum=0),
        dataset_type=replace(frames.dataset_type, name="sky"),
    )
    inputs = {"frames": frames, "sky": sky}
    tasks["measure"] = replace(tasks["measure"], inputs=inputs)
    graph = build(pipeline=replace(pipeline, tasks=tasks), inputs=("Cam/raw",))
    assert counts(graph) == {"reduce": 12, "measure": 12}
    assert graph.quantum(0).inputs["flat"] == graph.quantum(12).inputs["sky"] == ()


def test_a_repository_without_the_calibrations_type_needs_none(build, make_pipeline):
    pipeline = make_pipeline("reduce", reduce={"do_bias": False})
    assert len(build(pipeline=pipeline, inputs=("Cam/raw",))) == 12


def test_predicted_datasets_come_as_a_frame(build):
    graph = build("reduce")
    frame = graph.predicted("reduced")
    assert frame.height == 12
    ids = {graph.quantum(i).outputs["reduced"][0].id.bytes for i in range(12)}
    assert set(frame["dataset_id"].to_list()) == ids


def test_configurations_have_refs_without_data_ids(build):
    graph = build("reduce")
    ref = graph.init_ref("reduce_config")
    assert (ref.run, dict(ref.data_id)) == ("out", {})
    with pytest.raises(NotFoundError, match="Did you mean 'reduce_config'"):
        graph.init_ref("reduce_confog")


def test_several_inputs_where_a_task_takes_one_are_refused(
    build, graph_of, make_task, registry
):
    raw = Input("raw", "StructuredDict", dimensions=("exposure", "detector"))
    types = registry.dataset_types.all()
    pipeline = graph_of(make_task("look", ("exposure",), frame=raw), registered=types)
    with pytest.raises(DataIdError) as caught:
        build(pipeline=pipeline)
    text = str(caught.value)
    assert "'look' takes one 'raw' through connection 'frame', and there are 4" in text
    for words in ("exposure: 1}", "detector: 0", "detector: 1", "multiple=True"):
        assert words in text
    graph = build(pipeline=pipeline, where="detector = 2")
    assert [refs(graph.quantum(i), "frame") for i in range(3)] == [[2]] * 3


def test_inputs_that_are_not_there_do_not_count_as_several(
    build, graph_of, make_task, registry
):
    group = registry.universe.group(["exposure", "detector"])
    some = DatasetType("some", group, "StructuredDict")
    registry.dataset_types.register(some)
    (one, *_) = insert_some(registry, some, "Cam/some", [1, 2])
    registry.collections.register("Cam/one", CollectionType.TAGGED)
    registry.collections.associate("Cam/one", [one])
    look = make_task(
        "look",
        ("exposure",),
        frame=Input(
            "some", "StructuredDict", dimensions=("exposure", "detector"), minimum=0
        ),
    )
    pipeline = graph_of(look, registered=registry.dataset_types.all())
    graph = build(pipeline=pipeline, inputs=("Cam/one",), where="detector < 2")
    assert [refs(graph.quantum(i), "frame") for i in range(3)] == [[0], [], []]
    with pytest.raises(DataIdError, match=r"'look' takes one 'some'.* there are 2"):
        build(pipeline=pipeline, inputs=("Cam/some",), where="detector < 2")


def test_several_prerequisites_where_a_task_takes_one_are_refused(
    build, graph_of, make_task, registry
):
    group = registry.universe.group(["detector"])
    registry.dataset_types.register(DatasetType("map", group, "StructuredDict"))
    insert_some(registry, registry.dataset_types.get("map"), "Cam/maps", [1])
    look = make_task(
        "look",
        ("exposure",),
        frames=Input(
            "raw", "StructuredDict", dimensions=("exposure", "detector"), multiple=True
        ),
        chart=PrerequisiteInput("map", "StructuredDict", dimensions=("detector",)),
    )
    pipeline = graph_of(look, registered=registry.dataset_types.all())
    with pytest.raises(DataIdError) as caught:
        build(pipeline=pipeline, inputs=("Cam/raw", "Cam/maps"))
    text = str(caught.value)
    assert "takes one 'map' through connection 'chart', and 4 are valid for" in text
    for words in ("exposure: 1}", "detector: 0", "detector: 1", "multiple=True"):
        assert words in text


@pytest.fixture
def timeless(registry):
    """Add exposure 4, which has raws and no time span."""
    keys = {"instrument": "Cam", "day_obs": 20260101, "group": "group 1"}
    record = {**keys, "exposure": 4, "obs_id": "obs-4", "physical_filter": "g1"}
    registry.dimensions.insert("exposure", [record])
    insert_some(registry, registry.dataset_types.get("raw"), "Cam/raw", [4])


@pytest.mark.usefixtures("timeless")
def test_no_calibration_is_valid_for_an_exposure_without_a_time_span(build):
    with pytest.raises(DatasetNotFoundError) as caught:
        build("reduce")
    text = str(caught.value)
    assert "there is none for 4 of its 16 quanta" in text
    assert "exposure: 4" in text
    assert "4 of them have no time, as the exposure record has no time span" in text
    assert len(build("reduce", where="exposure < 4")) == 12


@pytest.mark.usefixtures("timeless")
def test_an_exposure_without_a_time_span_takes_what_has_no_time_either(build):
    graph = build("reduce", inputs=("Cam/raw", "Cam/biases"))
    assert len(graph) == 16
    # What is certified is passed over, and the plain member of a run is found.
    graph = build("reduce", inputs=("Cam/raw", "Cam/calib", "Cam/biases"))
    assert all(len(graph.quantum(i).inputs["bias"]) == 1 for i in range(16))


def test_one_dataset_certified_for_adjoining_times_counts_once(build, registry):
    bias = registry.dataset_types.get("bias")
    ids = insert_some(registry, bias, "Cam/b1", [1])
    registry.collections.register("Cam/two", CollectionType.CALIBRATION)
    middle = DAY_NS + 5_000_000_000  # within the first exposure
    for span in (Timespan(0, middle), Timespan(middle, 9 * DAY_NS)):
        registry.collections.certify("Cam/two", ids, span)
    graph = build("reduce", inputs=("Cam/raw", "Cam/two"))
    for index in range(len(graph)):
        (ref,) = graph.quantum(index).inputs["bias"]
        assert ref.run == "Cam/b1"


@pytest.fixture
def whole_exposures(graph_of, make_task, registry):
    """Return a function that makes a pipeline with a task for each exposure."""

    def make(dimensions=("exposure",)):
        look = make_task(
            "look",
            dimensions,
            frames=Input(
                "raw",
                "StructuredDict",
                dimensions=("exposure", "detector"),
                multiple=True,
            ),
            biases=PrerequisiteInput(
                "bias",
                "StructuredDict",
                dimensions=("detector",),
                is_calibration=True,
                multiple=True,
            ),
        )
        return graph_of(look, registered=registry.dataset_types.all())

    return make


def certify_some(registry, collection, run, detectors, span=None):
    ids = insert_some(registry, registry.dataset_types.get("bias"), run, [1])
    registry.collections.register(collection, CollectionType.CALIBRATION)
    registry.collections.certify(
        collection, [ids[detector] for detector in detectors], span or Timespan.always()
    )


@pytest.mark.parametrize("order", [("c01", "c23"), ("c23", "c01")])
def test_calibrations_of_a_quantum_may_come_from_several_collections(
    build, whole_exposures, registry, order
):
    certify_some(registry, "c01", "Cam/b1", [0, 1])
    certify_some(registry, "c23", "Cam/b2", [2, 3])
    graph = build(pipeline=whole_exposures(), inputs=("Cam/raw", *order))
    for index in range(len(graph)):
        assert refs(graph.quantum(index), "biases") == [0, 1, 2, 3]


@pytest.mark.parametrize("dimensions", [("exposure",), ("instrument",)])
def test_the_first_collection_with_a_calibration_of_a_data_id_decides(
    build, whole_exposures, registry, dimensions
):
    certify_some(registry, "some", "Cam/b1", [1, 3], Timespan(0, 2 * DAY_NS))
    certify_some(registry, "some", "Cam/b3", [1], Timespan(2 * DAY_NS, 3 * DAY_NS))
    certify_some(registry, "all", "Cam/b2", [0, 1, 2, 3])
    registry.collections.register("chain", CollectionType.CHAINED)
    registry.collections.set_chain("chain", ["some", "all"])
    graph = build(pipeline=whole_exposures(dimensions), inputs=("Cam/raw", "chain"))
    found = [
        sorted(
            (ref.data_id["detector"], ref.run)
            for ref in graph.quantum(i).inputs["biases"]
        )
        for i in range(len(graph))
    ]
    b1, b2, b3 = "Cam/b1", "Cam/b2", "Cam/b3"
    if dimensions == ("exposure",):
        assert found == [
            [(0, b2), (1, b1), (2, b2), (3, b1)],
            [(0, b2), (1, b3), (2, b2), (3, b2)],
            [(0, b2), (1, b2), (2, b2), (3, b2)],
        ]
    else:  # without a time, all that the first collection has
        assert found == [[(0, b2), (1, b1), (1, b3), (2, b2), (3, b1)]]


@pytest.fixture
def choosy(graph_of, make_task, registry):
    """Return a function that makes a pipeline of a task that takes some raws only."""

    def choosy(where):
        frames = Input(
            "raw",
            "StructuredDict",
            dimensions=("exposure", "detector"),
            multiple=True,
            where=where,
        )
        task = make_task("combine", ("detector",), frames=frames)
        return graph_of(task, registered=registry.dataset_types.all())

    return choosy


def test_inputs_that_do_not_fulfil_the_tasks_condition_are_refused(build, choosy):
    pipeline = choosy("exposure.can_see_sky")
    with pytest.raises(DataIdError) as caught:
        build(pipeline=pipeline, inputs=("Cam/raw",))
    text = str(caught.value)
    assert (
        "'combine' takes 'raw' only with exposure.can_see_sky, and 4 of the 12" in text
    )
    for words in ("detector: 0", "detector: 1", '-d "exposure.can_see_sky"'):
        assert words in text
    assert text.count("exposure: 2") == 2


def test_inputs_that_all_fulfil_the_tasks_condition_are_taken(build, choosy):
    pipeline = choosy("exposure.can_see_sky")
    where = "exposure IN (1, 3) AND detector < 3"
    graph = build(pipeline=pipeline, inputs=("Cam/raw",), where=where)
    assert counts(graph) == {"combine": 3}


def test_an_input_without_the_fact_that_a_task_asks_for_is_refused(build, choosy):
    pipeline = choosy("exposure.observation_type = 'bias'")
    with pytest.raises(DataIdError, match="12 of the 12"):
        build(pipeline=pipeline, inputs=("Cam/raw",))


def test_the_condition_of_a_task_is_on_dimensions_of_its_input(build, choosy):
    with pytest.raises(
        PipelineError, match=r"'frames' of task 'combine' names .*visit"
    ):
        build(pipeline=choosy("visit = 1"), inputs=("Cam/raw",))


@pytest.mark.parametrize(
    "where",
    [
        "exposure = 1",
        "exposure = 1 AND detector < 2",
        "exposure = 1 AND detector.purpose = 'GUIDER'",
        "exposure = 1 AND detector + exposure < 3",
        "exposure = 1 AND (detector = 0 OR exposure = 2)",
    ],
)
def test_conditions_restrict_inputs_and_not_prerequisites(
    build, whole_exposures, where
):
    graph = build(pipeline=whole_exposures(), where=where)
    assert len(graph) == 1
    quantum = graph.quantum(0)
    frames = {"exposure = 1": [0, 1, 2, 3]}
    if "detector <" in where or "+" in where:
        frames = {where: [0, 1]}
    assert refs(quantum, "frames") == frames.get(where, [0])
    assert refs(quantum, "biases") == [0, 1, 2, 3]


def test_prerequisites_of_one_task_do_not_widen_the_quanta_of_another(
    build, whole_exposures, make_pipeline, registry
):
    pipeline = make_pipeline("reduce")
    both = replace(pipeline, tasks={**pipeline.tasks, **whole_exposures().tasks})
    graph = build(pipeline=both, where="detector = 3 AND instrument = 'Cam'")
    assert counts(graph) == {"reduce": 3, "look": 3}
    for index in range(len(graph)):
        quantum = graph.quantum(index)
        if quantum.label == "reduce":
            assert refs(quantum, "bias") == [3]
        else:
            assert refs(quantum, "frames") == [3]
            assert refs(quantum, "biases") == [0, 1, 2, 3]


def test_records_that_leave_nothing_to_compare_on_the_sky_are_named(build, registry):
    keys = {"instrument": "Cam", "day_obs": 20260103, "physical_filter": "g1"}
    visit = {**keys, "visit": 4, "name": "v4"}
    exposure = {**keys, "exposure": 4, "obs_id": "obs-4", "group": "group 3"}
    registry.dimensions.insert("visit", [visit])
    registry.dimensions.insert("exposure", [exposure])
    link = {"instrument": "Cam", "exposure": 4, "visit": 4}
    registry.dimensions.insert("visit_definition", [link])
    insert_some(registry, registry.dataset_types.get("raw"), "Cam/raw", [4])
    with pytest.raises(
        NotFoundError, match=r"There are no 'visit_detector_region' records that fulfil"
    ):
        build(where="visit = 4")
    with pytest.raises(
        NotFoundError,
        match=r"None of the 1 'visit_definition' records \(which exposures make up a "
        r"visit\) agrees in 'visit' with any of the 12 'visit_detector_region' "
        r"records\.$",
    ):
        build(where="exposure = 4")


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("exposure < 3", "All 2 quanta of 'look' have too few inputs: each needs"),
        ("exposure = 1", "The only quantum of 'look' has too few inputs: each needs"),
    ],
)
def test_quanta_without_enough_inputs_say_what_they_need(
    build, whole_exposures, where, sentence
):
    pipeline = hungry(whole_exposures(), 5)
    with pytest.raises(NotFoundError) as caught:
        build(pipeline=pipeline, where=where)
    assert str(caught.value) == f"{sentence} at least 5 'raw'."


@pytest.mark.parametrize(
    ("where", "who"),
    [
        ("exposure < 3 OR detector > 0", "1 of the 3 quanta of 'look' has"),
        ("exposure = 1 OR detector > 0", "2 of the 3 quanta of 'look' have"),
    ],
)
def test_quanta_that_are_left_out_are_counted(
    build, whole_exposures, caplog, where, who
):
    build(pipeline=hungry(whole_exposures(), 4), where=where)
    assert f"{who} too few inputs: each needs at least 4 'raw'." in caplog.messages


def hungry(pipeline, minimum):
    look = pipeline.tasks["look"]
    edge = look.inputs["frames"]
    edge = replace(edge, connection=replace(edge.connection, minimum=minimum))
    look = replace(look, inputs={"frames": edge})
    return replace(pipeline, tasks={"look": look})


@pytest.mark.usefixtures("timeless")
@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("exposure = 4 AND detector = 1", "It has no time, as"),
        ("exposure = 4", "4 of them have no time, as"),
    ],
)
def test_quanta_without_a_time_are_counted(build, where, sentence):
    with pytest.raises(DatasetNotFoundError) as caught:
        build("reduce", where=where)
    assert sentence in str(caught.value)


@pytest.mark.usefixtures("timeless")
def test_one_quantum_without_a_time_is_counted_among_others(build, registry):
    certify_some(registry, "early", "Cam/b1", [1], Timespan(0, 2 * DAY_NS))
    with pytest.raises(DatasetNotFoundError) as caught:
        build("reduce", inputs=("Cam/raw", "early"), where="detector = 1")
    assert "for 3 of its 4 quanta" in str(caught.value)
    assert "1 of them has no time, as" in str(caught.value)
