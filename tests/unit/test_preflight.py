"""Preflight: what the sampled chunks tell, on arrays with known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from simsort.dispatch.preflight import (
    check_recording,
    check_timestamps,
    chunk_bounds,
    count_saturated,
    plateau_mask,
    timestamp_statistics,
)

FREE = (np.array([-np.inf]), np.array([np.inf]))


def recording_of(traces, rate=30000.0, probe=True):
    import probeinterface
    from spikeinterface import NumpyRecording

    traces = traces if isinstance(traces, list) else [traces]
    recording = NumpyRecording(traces, rate)
    recording.set_channel_gains(1.0)
    recording.set_channel_offsets(0.0)
    if probe:
        linear = probeinterface.generate_linear_probe(traces[0].shape[1], ypitch=20)
        linear.set_device_channel_indices(np.arange(traces[0].shape[1]))
        recording.set_probe(linear)
    return recording


def noise(n_samples=60000, n_channels=4, dtype="float32", seed=0):
    return (np.random.default_rng(seed).standard_normal((n_samples, n_channels)) * 20).astype(dtype)


@pytest.mark.parametrize("dtype", ["int16", "float32", "int32"])
def test_healthy_noise_passes_without_warnings(dtype):
    findings = check_recording(recording_of(noise(dtype=dtype)), "x")
    assert findings.failure == findings.skip == "" and findings.warnings == []


def test_quiet_noise_of_few_levels_is_not_called_saturated():
    traces = np.clip(np.rint(np.random.default_rng(0).standard_normal((60000, 4)) * 1.5), -6, 6).astype("int16")
    assert check_recording(recording_of(traces), "x").warnings == []


def test_unsigned_is_noted():
    findings = check_recording(recording_of((noise() + 1000).astype("uint16")), "x")
    assert findings.failure == "" and "unsigned" in findings.warnings[0]


def test_near_zero_data_stops_before_sorting():
    faint = check_recording(recording_of(noise() / 100), "x", min_signal_uv=0.5)
    assert faint.failure.startswith("x: near zero, the median channel's standard deviation is 0.2 uV")
    assert "--job_dispatch.min-signal-uv 0.5" in faint.failure
    assert check_recording(recording_of(noise() / 100), "x", min_signal_uv=0.1).failure == ""
    one_loud = noise() / 100
    one_loud[:, 0] *= 1000
    assert "near zero" in check_recording(recording_of(one_loud), "x", min_signal_uv=0.5).failure


def test_gaps_in_timestamps_are_counted():
    times = np.arange(300_000) / 30_000.0
    times[100_000:] += 0.5
    times[200_000:] += 0.01
    assert timestamp_statistics(times, 30_000.0)[1] == 2
    assert timestamp_statistics(np.arange(300_000) / 30_000.0, 30_000.0) == (0, 0, pytest.approx(0, abs=1e-6))


def test_flat_channels_are_named():
    traces = noise()
    traces[:, 2] = 7
    findings = check_recording(recording_of(traces), "x")
    assert findings.failure == "" and findings.warnings == ["1 of 4 channels are flat (constant): channels 2"]
    traces[:] = 7
    assert "all 4 channels are flat" in check_recording(recording_of(traces), "probe.bin").failure


def test_saturation_warns_then_fails():
    traces = np.clip(noise(), -15, 15)  # about 45 % beyond
    findings = check_recording(recording_of(traces), "x", max_saturated_fraction=0.5)
    assert findings.failure == "" and "saturated" in findings.warnings[0]
    findings = check_recording(recording_of(np.clip(noise(), -1, 1)), "x", max_saturated_fraction=0.5)
    assert "max-saturated-fraction" in findings.failure


def test_railing_at_the_stated_level_is_found():
    traces = noise(dtype="int16")
    traces[::2] = np.where(np.arange(30000) % 2, 511, -512)[:, None]  # bounces between the rails: no plateau
    recording = recording_of(traces)
    recording.annotate(saturation_threshold_uV=512)
    assert "50.0" in check_recording(recording, "x", max_saturated_fraction=0.9).warnings[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_is_located(value):
    traces = noise()
    traces[:300, 1] = value
    findings = check_recording(recording_of(traces), "file.dat")
    assert findings.failure.startswith("file.dat: ") and "channels 1" in findings.failure
    assert "0.000 s" in findings.failure


@pytest.mark.parametrize("rate, failed", [(100, True), (4999, True), (15000, False), (1e6, True)])
def test_sampling_rate(rate, failed):
    assert bool(check_recording(recording_of(noise(), rate), "x").failure) is failed


def test_geometry():
    import probeinterface

    assert "no probe geometry" in check_recording(recording_of(noise(), probe=False), "x").failure
    recording = recording_of(noise())
    group = probeinterface.ProbeGroup()
    for wiring in ([0, 1], [2, 3]):  # two shanks of an NWB file that give their positions from their own tips
        probe = probeinterface.generate_linear_probe(2, ypitch=20)
        probe.set_device_channel_indices(wiring)
        group.add_probe(probe)
    recording.set_probegroup(group, check_overlap=False)
    assert "share one contact position" in check_recording(recording, "x").failure


def test_reading_is_bounded_whatever_the_duration():
    """An hour of 384 lazily generated channels is checked from a dozen chunks."""
    from spikeinterface.generation import NoiseGeneratorRecording

    recording = NoiseGeneratorRecording(384, 30000.0, [3600.0], seed=0, strategy="on_the_fly")
    bounds = chunk_bounds(recording)
    assert sum(end - start for _, start, end in bounds) <= 12 * 15000
    assert bounds[0][1] == 0 and bounds[-1][2] == recording.get_num_samples()
    many = NoiseGeneratorRecording(4, 30000.0, [1.0] * 50, seed=0, strategy="on_the_fly")
    assert len(chunk_bounds(many)) <= 24 and {b[0] for b in chunk_bounds(many)} >= {0, 49}


@given(st.lists(st.booleans(), max_size=40))
def test_plateau_mask_against_a_slow_one(values):
    mask = np.array(values, bool)[:, None]
    expected = np.zeros(len(values), bool)
    for start in range(len(values)):
        for end in range(start + 3, len(values) + 1):
            if all(values[start:end]):
                expected[start:end] = True
    np.testing.assert_array_equal(plateau_mask(mask)[:, 0], expected)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60))
@hypothesis_settings(max_examples=50)
def test_saturated_counts_never_exceed_samples(values):
    traces = np.array(values, "int16")[:, None]
    counts = count_saturated(traces, FREE)
    assert 0 <= counts[0] <= len(values) and (len(set(values)) > 1 or counts[0] == 0)


def test_timestamps():
    rate = 30000.0
    times = 100 + np.arange(10 * 30000) / rate
    assert check_timestamps(times, rate) == "" and check_timestamps(None, rate) == ""
    gap = times.copy()
    gap[123456:] += 0.005
    assert "5.0 ms" in check_timestamps(gap, rate)
    back = times.copy()
    back[1:40:2] -= 0.001
    assert "backwards" in check_timestamps(back, rate)
    jitter = times + np.random.default_rng(0).uniform(-5e-6, 5e-6, len(times))
    assert check_timestamps(jitter, rate) == ""


def test_short_recordings_are_skipped_when_asked():
    findings = check_recording(recording_of(noise()), "x", min_recording_duration=5)
    assert findings.failure == "" and "2.0 s" in findings.skip
