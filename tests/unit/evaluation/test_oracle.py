"""The oracle and what a case is made of, on small recordings with known templates."""

import json

import numpy as np
import pytest
from spikeinterface import load

from simsort.benchmarks.sorters import oracle
from simsort.benchmarks.sorters.cases import emouse, trains
from simsort.benchmarks.sorters.cases.case import Case, shifted, write_case

FS_HZ, DURATION_S, N_BEFORE = 20000.0, 12.0, 20
SQUARE_UM = emouse.SQUARE_UM


def spike(width, amplitudes_uv):
    """One wave, with an amplitude of its own on each channel: samples x channels."""
    t = np.arange(60) - N_BEFORE
    return -np.outer(np.exp(-((t / width) ** 2)) - 0.4 * np.exp(-(((t - 12) / 8) ** 2)), amplitudes_uv)


def make_case(templates, *, noise_uv=5.0, drifting=False):
    rng = np.random.default_rng(3)
    samples, labels = trains.draw_trains(rng, len(templates), DURATION_S, FS_HZ)
    steps = np.zeros((int(DURATION_S * 10), len(templates)), dtype=int)
    if drifting:
        steps[len(steps) // 2:] = 1
    traces = rng.normal(0, noise_uv, (int(DURATION_S * FS_HZ), 4)).astype("float32")
    trains.inject(rng, traces, samples, labels, templates, N_BEFORE, steps, 10 / FS_HZ)
    return Case(name="small", recording=emouse.as_recording(traces, FS_HZ, SQUARE_UM), samples=samples, labels=labels,
                templates=templates.astype("float32"), n_before=N_BEFORE, steps=steps)


def test_the_oracle_tells_clear_units_apart(tmp_path):
    templates = np.stack([[spike(4, [80, 20, 10, 5])], [spike(4, [5, 10, 20, 80])]])
    facts = write_case(make_case(templates), tmp_path / "case")
    assert facts["oracle"]["accuracy"] > 0.98 and facts["oracle"]["n_units"] == 2
    assert json.loads((tmp_path / "case/case.json").read_text()) == facts


def test_the_oracle_cannot_tell_equal_units_apart(tmp_path):
    template = [spike(4, [60, 30, 30, 10])]
    facts = write_case(make_case(np.stack([template, template])), tmp_path / "case")
    assert facts["oracle"]["accuracy"] < 0.7


def test_the_oracle_follows_drift(tmp_path):
    # After half the time each unit looks as the other did before.
    one, other = spike(4, [80, 20, 10, 5]), spike(4, [5, 10, 20, 80])
    facts = write_case(make_case(np.stack([[one, other], [other, one]]), drifting=True), tmp_path / "case")
    assert facts["oracle"]["accuracy"] > 0.98


def test_a_written_case_has_what_sorters_and_scores_need(tmp_path):
    case = make_case(np.stack([[spike(4, [80, 20, 10, 5])], [spike(6, [4, 8, 4, 2])]]))
    write_case(case, tmp_path / "case")
    recording, truth = load(tmp_path / "case/recording"), load(tmp_path / "case/ground_truth")
    assert recording.get_dtype() == "int16" and recording.get_probe().get_contact_count() == 4
    assert recording.get_channel_gains() == pytest.approx(0.195)
    assert list(truth.get_property("best_channel")) == [0, 1]
    strong, weak = truth.get_property("snr")
    assert 10 < strong < 25 and 1 < weak < 3
    traces = recording.get_traces(return_in_uV=True)
    times = truth.get_unit_spike_train(0)
    mean = np.mean([traces[t - 10:t + 11, 0] for t in times], axis=0)
    assert abs(int(mean.argmin()) - 10) <= 1, "spike times stand on the trough"


def test_traces_are_filtered_in_blocks_of_channels(monkeypatch):
    from spikeinterface.preprocessing import bandpass_filter

    traces = np.random.default_rng(0).normal(0, 5, (2000, 4)).astype("float32")
    recording = emouse.as_recording(traces, FS_HZ, SQUARE_UM)
    whole = bandpass_filter(recording, *oracle.BAND_HZ, dtype="float32").get_traces()
    monkeypatch.setattr(oracle, "BLOCK", 3)
    band = oracle.BandTraces(recording)
    for channels in ((0, 1), (1, 2, 3), (3, 0)):
        assert band.of(channels) == pytest.approx(whole[:, channels])


def test_templates_move_with_their_spikes():
    template = np.arange(10.0).reshape(1, 10, 1)
    assert shifted(template, 2)[0, :, 0].tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7]
    assert shifted(template, -2)[0, :, 0].tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 0, 0]


def test_trains_keep_their_refractory_period():
    samples, labels = trains.draw_trains(np.random.default_rng(0), 5, 60.0, FS_HZ)
    assert np.all(np.diff(samples) >= 0) and set(labels) == set(range(5))
    for unit in range(5):
        mine = samples[labels == unit]
        assert np.diff(mine).min() >= int(trains.REFRACTORY_S * FS_HZ) - 1
        assert 0.5 < len(mine) / 60.0 < 15


def test_noise_has_its_size_and_is_shared_by_neighbours():
    from scipy.signal import butter, sosfiltfilt

    places_um = np.array([[0.0, 0.0], [0.0, 20.0], [0.0, 500.0]])
    noise = trains.coloured_noise(np.random.default_rng(0), 200000, places_um, 25000.0, 10.0, 60.0)
    band = sosfiltfilt(butter(3, 300, "highpass", fs=25000, output="sos"), noise, axis=0)
    assert band.std(axis=0) == pytest.approx([10, 10, 10], rel=0.1)
    correlation = np.corrcoef(band.T)
    assert correlation[0, 1] == pytest.approx(np.exp(-1 / 3), abs=0.05) and abs(correlation[0, 2]) < 0.05


def test_moved_fields_are_the_measured_ones_where_nothing_moved():
    rng = np.random.default_rng(0)
    sites_um = np.array([[x, y] for y in range(0, 100, 20) for x in (0, 20)], dtype=float)
    waves = rng.normal(size=(2, 30, len(sites_um)))
    moved = emouse.moved_fields(waves, sites_um, sites_um)
    middle = len(emouse.STEPS_UM) // 2
    assert moved[:, middle] == pytest.approx(waves)
    # 20 um would bring each row onto the next; 10 um lie between.
    assert not np.allclose(moved[:, 0], waves) and np.isfinite(moved).all()


@pytest.mark.data
@pytest.mark.parametrize("drifting", [False, True])
def test_real_mean_spikes_in_a_real_recording(simsort_data, tmp_path, drifting):
    case = emouse.make_hybrid("hybrid", drifting, 100, tmp_path)
    assert case.templates.shape[:2] == (emouse.HYBRID_UNITS, len(emouse.STEPS_UM)) and case.fs_hz == 15000.0
    again = emouse.make_hybrid("hybrid", drifting, 100, tmp_path)
    assert np.array_equal(case.samples, again.samples)
    assert np.array_equal(case.recording.get_traces(), again.recording.get_traces())
