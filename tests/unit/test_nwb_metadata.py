"""Subject, start time and names of NWB files: every source, contradictions, what nobody told."""

import dataclasses
import datetime

import pytest

from simsort.config.nwb import NwbEcephys, NwbSubject
from simsort.config.parameters import resolve
from simsort.errors import UserError
from simsort.nwb.metadata import Unknown, gather
from simsort.nwb.names import file_stem, plain, shank_of, stream_of, unique

HEADER = {"block0_imec0.ap_recording1": "2024-02-08T14:10:37"}
V2 = {"subject_id": "713593", "subject_details": {
    "object_type": "Mouse subject", "sex": "Male", "date_of_birth": "2023-11-10", "genotype": "wt/wt",
    "species": {"name": "Mus musculus", "registry_identifier": "NCBI:txid10090"}, "strain": {"name": "C57BL/6J"}}}


def gathered(metadata=None, header=HEADER, **settings):
    subject = {k: v for k, v in settings.items() if k in NwbSubject.__dataclass_fields__}
    ecephys = {k: v for k, v in settings.items() if k in NwbEcephys.__dataclass_fields__}
    return gather(metadata or {}, header, dataclasses.asdict(NwbSubject(**subject)),
                  dataclasses.asdict(NwbEcephys(**ecephys)))


def test_a_header_needs_a_time_zone_and_none_is_invented():
    with pytest.raises(Unknown, match="2024-02-08T14:10:37 without a time zone: give --nwb_ecephys.timezone"):
        gathered()
    assert gathered(timezone="America/New_York").start.isoformat() == "2024-02-08T14:10:37-05:00"
    # summer time is the zone's own business
    july = gathered(header={"r": "2024-07-08T14:10:37"}, timezone="America/New_York")
    assert july.start.utcoffset() == datetime.timedelta(hours=-4)
    # the built-in example's header, which SpikeGLX would not write: what stands there counts
    example = {"header": {"r": "2024-01-01T00:00:00+00:00"}}
    assert gathered(**example).start == gathered(**example, timezone="Europe/Berlin").start


def test_the_zone_may_come_from_the_sessions_metadata():
    start = gathered({"acquisition": {"acquisition_start_time": "2024-02-08T14:10:30-08:00"}}).start
    assert start.isoformat() == "2024-02-08T14:10:37-08:00"


def test_a_start_that_nobody_told_is_asked_for():
    with pytest.raises(Unknown, match="when the session began is not known"):
        gathered(header={"r": None})
    assert gathered(header={"r": None}, session_start_time="2024-02-08T14:10:37Z").start.year == 2024
    assert gathered({"session": {"session_start_time": "2024-02-08T14:10:37.1234567+00:00"}}, {}).start.minute == 10


def test_the_first_probe_counts():
    header = {"b": "2024-02-08T14:10:39", "a": "2024-02-08T14:10:37"}
    assert gathered(header=header, timezone="UTC").start.second == 37


@pytest.mark.parametrize("metadata, settings, words", [
    ({"acquisition": {"acquisition_start_time": "2023-02-08T14:10:30-08:00"}}, {}, "acquisition.json says 2023-02-08"),
    ({}, {"session_start_time": "2024-03-08T14:10:37+01:00"}, "the header of block0_imec0.ap_recording1 says"),
    ({"subject": {"subject_id": "m1"}}, {"subject_id": "m2", "timezone": "UTC"}, "subject.json says m1"),
    ({"subject": {"subject_id": "m1"}, "data_description": {"subject_id": "m2"}}, {"timezone": "UTC"},
     "data_description.json says m2"),
    ({"subject": {"subject_id": "m1", "sex": "both"}}, {"timezone": "UTC"}, "subject.json says sex both"),
    ({"subject": {"subject_id": "m1", "species": "mouse"}}, {"timezone": "UTC"}, "subject.json says species mouse"),
    ({"subject": {"date_of_birth": "2024-03-01"}}, {"timezone": "UTC"}, "after the session on 2024-02-08"),
    ({"subject": {"date_of_birth": "2023-11-10"}}, {"timezone": "UTC", "age": "P30D"}, "90 days before the session"),
    ({"subject": {"date_of_birth": "tomorrow"}}, {"timezone": "UTC"}, "'tomorrow'")])
def test_metadata_that_contradict_themselves_are_refused(metadata, settings, words):
    with pytest.raises(UserError) as error:
        gathered(metadata, **settings)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_every_form_of_subject_json_is_read():
    two = gathered({"subject": V2}, timezone="UTC")
    assert {k: v for k, v in two.subject.items() if k != "date_of_birth"} == {
        "subject_id": "713593", "species": "Mus musculus", "sex": "M", "genotype": "wt/wt", "strain": "C57BL/6J"}
    assert two.subject["date_of_birth"].isoformat() == "2023-11-10T00:00:00+00:00" and two.notes == []
    flat = gathered({"subject": {**V2["subject_details"], "subject_id": "713593"}}, timezone="UTC")
    assert flat.subject == two.subject
    own = gathered({"subject": {"subject_id": "m1", "species": "Rattus norvegicus", "sex": "F", "age": "P90D"}},
                   timezone="UTC")
    assert own.subject == {"subject_id": "m1", "species": "Rattus norvegicus", "sex": "F", "age": "P90D"}
    assert gathered({"subject": V2}, subject_id="713593", age="P90D", timezone="UTC").subject["age"] == "P90D"


def test_a_missing_subject_is_left_out_and_said_so():
    assert gathered(timezone="UTC").subject == {}
    assert "--nwb_subject_args" in gathered(timezone="UTC").notes[0]
    some = gathered(timezone="UTC", subject_id="m1")
    assert some.subject == {"subject_id": "m1", "sex": "U"}  # U is NWB's unknown
    assert some.notes == ["of the subject species, sex, age or date_of_birth is not known and left out"]


def test_people_and_places_come_from_data_description():
    description = {"institution": {"name": "An Institute", "abbreviation": "AI"},
                   "investigators": [{"name": "A Person"}]}
    session = gathered({"data_description": description}, timezone="UTC")
    assert (session.institution, session.experimenters, session.lab) == ("An Institute", ["A Person"], None)
    given = gathered({"data_description": description}, timezone="UTC", institution="Other", experimenter=["Doe, Jo"])
    assert (given.institution, given.experimenters) == ("Other", ["Doe, Jo"])


@pytest.mark.parametrize("settings, words", [
    ({"nwb_subject": {"age": "90 days"}}, "ISO 8601 duration"), ({"nwb_subject": {"species": "mouse"}}, "Latin name"),
    ({"nwb_subject": {"date_of_birth": "31.12.2023"}}, "ISO 8601 date"), ({"nwb_subject": {"sex": "x"}}, "M, F, U, O"),
    ({"nwb_ecephys": {"timezone": "Berlin"}}, "Europe/Berlin"), ({"nwb_ecephys": {"backend": "tar"}}, "zarr, hdf5"),
    ({"nwb_ecephys": {"session_start_time": "noon"}}, "ISO 8601")])
def test_bad_settings_stop_the_run_at_once(settings, words):
    with pytest.raises(UserError) as error:
        resolve({"sorter": "lupin", **settings})
    assert words in str(error.value) and "--nwb_" in str(error.value)


@pytest.mark.parametrize("age", ["P90D", "P12W", "P1Y2M", "P90D/P120D", "P90D/", "P1DT12H"])
def test_ages_of_nwb_are_taken(age):
    assert resolve({"sorter": "lupin", "nwb_subject_args": f"--age {age}"})["nwb_subject"]["age"] == age


@pytest.mark.parametrize("recording, stem, stream, shank", [
    ("block0_imec0.ap_recording1", "s_block0_recording1", "imec0.ap", ""),
    ("block1_imec1.ap_recording12_group3", "s_block1_recording12", "imec1.ap", "group3"),
    ("experiment2_Record Node 101#Neuropix-PXI-100.ProbeA-AP_recording2", "s_experiment2_recording2",
     "Record Node 101#Neuropix-PXI-100.ProbeA-AP", ""),
    ("block0_acquisition-ElectricalSeries_recording", "s_block0_recording", "acquisition-ElectricalSeries", ""),
    ("block0_imec0.ap_recording1-2", "s_block0_recording1", "imec0.ap", "2"), ("odd", "s_odd", "odd", "")])
def test_names(recording, stem, stream, shank):
    assert (file_stem("s", recording), stream_of(recording), shank_of(recording)) == (stem, stream, shank)


def test_duplicate_and_odd_names():
    assert unique(["a", "b", "a", "a"]) == ["a", "b", "a-2", "a-3"]
    assert plain("Record Node 101#Neuropix/PXI:100 ü") == "Record_Node_101_Neuropix_PXI_100" and plain("??") == "probe"


def test_units_of_two_probes_with_the_same_names_are_told_apart():
    import types

    import numpy as np
    import spikeinterface as si

    from simsort.nwb.units import gather_properties, unit_names

    recordings = []
    for name, more in (("imec0.ap", {"snr": [5.0, 6.0], "default_qc": [True, False], "cell_type": ["a", "b"]}),
                       ("imec1.ap", {"default_qc": [False, True], "depth_um": [1.0, 2.0], "cell_type": ["c", ""]})):
        sorting = si.NumpySorting.from_unit_dict([{0: np.array([1]), 1: np.array([2])}], 30_000.0)
        for key, values in more.items():
            sorting.set_property(key, np.array(values))
        recordings.append(types.SimpleNamespace(name=name, sorting=sorting))
    assert unit_names(recordings) == ["imec0.ap_0", "imec0.ap_1", "imec1.ap_0", "imec1.ap_1"]
    assert unit_names(recordings[:1]) == ["0", "1"]
    properties = gather_properties(recordings)
    assert properties["default_qc"] == [True, False, False, True] and properties["cell_type"] == ["a", "b", "c", ""]
    assert properties["snr"][:2] == [5.0, 6.0] and np.isnan(properties["snr"][2:]).all()
    assert np.isnan(properties["depth_um"][:2]).all()
