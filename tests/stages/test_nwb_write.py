"""NWB files: two probes, units, LFP and raw signal, both storages; read back by SpikeInterface and pynwb."""

import dataclasses
import json

import numpy as np
import pytest

from simsort.config.stages import Curation
from simsort.records import Record, read_record

NAMES = ("block0_imec0.ap_recording1", "block0_wide probe_recording1")
SUBJECT = {"subject_id": "m1", "species": "Mus musculus", "sex": "F", "age": "P90D"}


def job_of(name, recording, root, lfp=None):
    from simsort.dispatch.jobs import portable_dict

    return {"recording_name": name, "session_name": "mouse", "nwb_name": "mouse_block0_recording1",
            "fingerprint": [["x.bin", 1, 1]], "session_start_time": "2024-02-08T14:10:37",
            "recording_dict": portable_dict(recording, root),
            "recording_lfp_dict": portable_dict(lfp, root) if lfp is not None else None}


@pytest.fixture(scope="module")
def two_probes(planted, tmp_path_factory):
    """Arguments of `simsort nwb`: the planted recording with its units, and a wide-band probe that was not sorted."""
    import spikeinterface.full as si

    from simsort.curation.curate import curate

    folders, postprocessed, _ = planted
    root = tmp_path_factory.mktemp("nwb")
    rule = dataclasses.asdict(Curation(rule="presence_ratio > 0.8", cell_types=True))
    curate(folders.sorted, postprocessed, rule, root / "curated/1").write(root / "curated/1")
    for stage, folder in (("preprocessed", folders.preprocessed), ("postprocessed", postprocessed)):
        (root / stage).mkdir()
        (root / stage / "1").symlink_to(folder)
    times = np.arange(10 * 30_000) / 30_000
    wave = np.round(500 * np.sin(2 * np.pi * 10 * times) + 500 * np.sin(2 * np.pi * 3000 * times)).astype("int16")
    wide = si.NumpyRecording([np.repeat(wave[:, np.newaxis], 8, axis=1)], 30_000.0)
    wide.set_channel_gains(2.0)
    wide.set_channel_offsets(0.0)
    wide.set_probe(si.generate_recording(num_channels=8, durations=[0.1]).get_probe())
    wide.save(folder=folders.raw / "wide", overwrite=True, progress_bar=False)
    jobs = [job_of(NAMES[0], si.load(folders.raw / "copy"), folders.raw),
            job_of(NAMES[1], si.load(folders.raw / "wide"), folders.raw)]
    (root / "jobs.json").write_text(json.dumps(jobs))
    (folders.raw / "subject.json").write_text(json.dumps(SUBJECT))
    return ["--jobs", root / "jobs.json", "--data", folders.raw, *(
        word for stage in ("preprocessed", "postprocessed", "curated") for word in (f"--{stage}", root / stage))]


@pytest.fixture(scope="module", params=["hdf5", "zarr"])
def written(request, two_probes, tmp_path_factory):
    """(NWB file, folder with the records, storage)."""
    from simsort.cli import run_stage

    out = tmp_path_factory.mktemp(request.param) / "out"
    status = run_stage("nwb", [str(a) for a in [
        *two_probes, "--nwb_ecephys.backend", request.param, "--nwb_ecephys.timezone", "Europe/Berlin",
        "--nwb_ecephys.write-raw", "--out", out]])
    assert status == 0
    return out / "mouse_block0_recording1.nwb", out, request.param


@pytest.mark.slow
def test_the_inspector_finds_nothing_critical(written):
    path, out, backend = written
    assert path.is_file() if backend == "hdf5" else path.is_dir()
    for number, name in enumerate(NAMES):
        record = read_record(out / f"records/{number}")
        assert (record["recording_name"], record["state"]) == (name, "done")
        found = record["outputs"]["inspector"]
        assert found["CRITICAL"] == found["ASKED"] == [], found
        assert record["outputs"]["session_start_time"] == "2024-02-08T14:10:37+01:00"
        assert record["warnings"] == [
            "NWB: no LFP of imec0.ap: its stream is the spike band only, and there is no LF stream"]


@pytest.mark.slow
def test_spikeinterface_reads_the_same_spikes_and_labels(written, two_probes):
    import spikeinterface.full as si
    from spikeinterface.extractors.nwbextractors import NwbSortingExtractor

    curated = si.load(two_probes[-1] / "1/sorting")
    found = NwbSortingExtractor(written[0], t_start=0.0)
    assert set(curated.get_property("cell_type")) <= {"excitatory", "PV", "SST", "VIP", "NGC", "unsure"}
    assert found.sampling_frequency == pytest.approx(30_000.0) and found.unit_ids.tolist() == curated.unit_ids.tolist()
    for unit_id in curated.unit_ids:
        np.testing.assert_array_equal(found.get_unit_spike_train(unit_id), curated.get_unit_spike_train(unit_id))
    keys = ("default_qc", "default_qc_label", "snr", "presence_ratio", "num_spikes", "cell_type", "cell_type_probability")
    for key in keys:
        np.testing.assert_array_equal(found.get_property(key), curated.get_property(key), err_msg=key)


@pytest.mark.slow
def test_spikeinterface_reads_the_same_samples(written, planted):
    import spikeinterface.full as si
    from spikeinterface.extractors.nwbextractors import NwbRecordingExtractor

    raw = si.load(planted[0].raw / "copy")
    found = NwbRecordingExtractor(written[0], electrical_series_path="acquisition/ElectricalSeries_imec0.ap")
    np.testing.assert_array_equal(found.get_traces(), raw.get_traces())
    np.testing.assert_allclose(found.get_channel_gains(), raw.get_channel_gains())
    np.testing.assert_allclose(found.get_channel_locations(), raw.get_channel_locations())


@pytest.mark.slow
def test_electrodes_waveforms_and_head(written, planted):
    import spikeinterface.full as si

    from simsort.nwb.write import open_nwb

    analyzer = si.load_sorting_analyzer(planted[1] / "analyzer.zarr")
    with open_nwb(written[0], "r", written[2]) as io:
        nwbfile = io.read()
        assert (nwbfile.subject.subject_id, nwbfile.subject.sex, nwbfile.session_id) == ("m1", "F", "mouse")
        assert nwbfile.session_start_time.isoformat() == "2024-02-08T14:10:37+01:00"
        electrodes = nwbfile.electrodes.to_dataframe()
        assert electrodes["probe"].tolist() == ["imec0.ap"] * 16 + ["wide_probe"] * 8
        assert set(nwbfile.devices) == {"imec0.ap", "wide_probe"}
        units = nwbfile.units
        for index, unit_id in enumerate(analyzer.unit_ids):
            rows = [int(row) for row in units["electrodes"].target.data[:][
                (units["electrodes"].data[index - 1] if index else 0):units["electrodes"].data[index]]]
            channels = [electrodes["channel_name"].iloc[row] for row in rows]
            assert set(channels) == set(map(str, analyzer.sparsity.unit_id_to_channel_ids[unit_id]))
            mean = units["waveform_mean"][index]
            template = analyzer.get_extension("templates").get_unit_template(unit_id)
            columns = [list(map(str, analyzer.channel_ids)).index(channel) for channel in channels]
            np.testing.assert_allclose(mean[:, :len(rows)] * 1e6, template[:, columns], rtol=1e-4, atol=1e-3)
            assert np.isnan(mean[:, len(rows):]).all() and columns[0] == np.ptp(template, axis=0).argmax()


@pytest.mark.slow
def test_the_lfp_is_filtered_and_decimated(written):
    from simsort.nwb.write import open_nwb

    with open_nwb(written[0], "r", written[2]) as io:
        series = io.read().processing["ecephys"]["LFP"].electrical_series["ElectricalSeriesLFP_wide_probe"]
        assert series.rate == 1250.0 and series.data.shape == (12_500, 2)
        volts = np.asarray(series.data[2000:10_000, 0]) * series.conversion
    spectrum = np.abs(np.fft.rfft(volts)) * 2 / volts.size
    frequencies = np.fft.rfftfreq(volts.size, 1 / 1250)
    assert spectrum[np.isclose(frequencies, 10)] == pytest.approx(1e-3, rel=0.02)  # 500 steps of 2 uV
    assert spectrum[frequencies > 12].max() < 1e-5  # 3 kHz does not fold back


@pytest.mark.slow
def test_nothing_in_a_zarr_file_is_a_pickle(written):
    if written[2] == "zarr":
        assert not [p for p in written[0].rglob(".zarray") if '"pickle"' in p.read_text()]


@pytest.mark.slow
def test_the_same_input_gives_the_same_identifier_and_an_existing_target_is_kept(written, two_probes, run_cli):
    before = sorted(p.stat().st_mtime_ns for p in written[1].rglob("*"))
    outcome = run_cli("nwb", *two_probes, "--nwb_ecephys.timezone", "UTC", "--out", written[1])
    assert outcome.status == 2 and "is not empty" in outcome.stderr
    assert before == sorted(p.stat().st_mtime_ns for p in written[1].rglob("*"))
    from simsort.errors import UserError
    from simsort.nwb.write import write_file

    with pytest.raises(UserError, match="exists"):
        write_file(written[0], [], None, {})


def test_without_a_time_zone_there_is_no_file_and_the_reason_why(two_probes, run_cli, tmp_path):
    outcome = run_cli("nwb", *two_probes, "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    assert not list((tmp_path / "out").glob("*.nwb"))
    for number in (0, 1):
        record = read_record(tmp_path / f"out/records/{number}")
        assert record["state"] == "skipped" and "without a time zone: give --nwb_ecephys.timezone" in record["reason"]


def test_metadata_that_contradict_the_settings_are_a_users_mistake(two_probes, run_cli, tmp_path):
    outcome = run_cli("nwb", *two_probes, "--nwb_ecephys.timezone", "UTC", "--nwb_subject.subject-id", "m2",
                      "--out", tmp_path / "out")
    assert outcome.status == 2 and "subject.json says m1" in outcome.stderr


@pytest.mark.slow
def test_zero_units_and_a_late_start(run_cli, tmp_path):
    """A recording without units has a file without a table of units; --preprocessing.t-start moves the spikes."""
    import spikeinterface.full as si

    recording = si.generate_recording(num_channels=4, durations=[2.0, 1.0], seed=0)
    raw = recording.save(folder=tmp_path / "raw/copy", progress_bar=False)
    late = si.append_recordings([raw.select_segments([0]).frame_slice(15_000, 60_000), raw.select_segments([1])])
    late.reset_times()
    jobs = [job_of("block0_x_recording", raw, tmp_path / "raw")]
    for trains in ({}, {0: [np.array([10, 500]), np.array([7])]}):
        case = tmp_path / f"units{len(trains)}"
        for stage in ("preprocessed", "curated"):
            Record(stage=stage, recording_name="block0_x_recording", session_name="mouse",
                   parameters={"t_start": 0.5}).write(case / stage / "1")
        late.save(folder=case / "preprocessed/1/binary", progress_bar=False)
        segments = [{unit: frames[i] for unit, frames in trains.items()} for i in range(2)]
        si.NumpySorting.from_unit_dict(segments, 30_000.0).save(folder=case / "curated/1/sorting")
        (case / "jobs.json").write_text(json.dumps(jobs))
        outcome = run_cli("nwb", "--jobs", case / "jobs.json", "--data", tmp_path / "raw", "--preprocessed",
                          case / "preprocessed", "--curated", case / "curated", "--nwb_ecephys.timezone", "UTC",
                          "--nwb_ecephys.backend", "hdf5", "--nwb_ecephys.no-write-lfp", "--out", case / "out")
        assert outcome.status == 0, outcome.stderr
        [file] = (case / "out").glob("*.nwb")
        record = read_record(case / "out/records/0")
        assert record["outputs"]["n_units"] == len(trains) and record["outputs"]["inspector"]["CRITICAL"] == []
        from simsort.nwb.write import open_nwb

        with open_nwb(file, "r", "hdf5") as io:
            units = io.read().units
            if trains:  # the first segment has 60,000 samples, of which sorting left the first 15,000 out
                np.testing.assert_allclose(units["spike_times"][0] * 30_000, [15_010, 15_500, 60_007], rtol=1e-12)
            else:
                assert units is None
