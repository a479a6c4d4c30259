"""Filters, references and bad channels on signals whose right answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from probeinterface import generate_linear_probe, generate_tetrode
from spikeinterface import NumpyRecording

from simsort.config.stages import Preprocessing
from simsort.errors import UserError
from simsort.preprocessing.bad_channels import find_bad_channels
from simsort.preprocessing.chain import cut_time, destripe, filter_recording, reference
from simsort.preprocessing.finite import check_finite
from simsort.preprocessing.preprocess import clean
from simsort.workers import job_kwargs

FS_HZ = 30000.0
NOISE = 20.0  # ADC steps


def settings(**changes) -> dict:
    return vars(Preprocessing(**changes))


def recording_of(*segments, fs_hz=FS_HZ, dtype="int16", gain_uv=0.5):
    """Return a linear-probe recording of traces, each of shape (n_samples, n_channels)."""
    recording = NumpyRecording([np.asarray(traces).astype(dtype) for traces in segments], fs_hz)
    n_channels = recording.get_num_channels()
    probe = generate_tetrode() if n_channels == 4 else generate_linear_probe(n_channels, ypitch=20.0)
    probe.set_device_channel_indices(np.arange(n_channels))
    recording.set_probe(probe)
    recording.set_channel_gains(gain_uv)
    recording.set_channel_offsets(0.0)
    return recording


def noise(n_channels=32, duration_s=1.0, seed=0, shared=0.7):
    """Return noise that neighbouring channels share in part, as in tissue: (n_samples, n_channels)."""
    own = np.random.default_rng(seed).normal(0.0, NOISE, (int(duration_s * FS_HZ), n_channels + 8))
    smooth = sum(own[:, k:k + n_channels] for k in range(8)) / np.sqrt(8)
    return shared * smooth + np.sqrt(1 - shared ** 2) * own[:, :n_channels]


def times_s(traces):
    return np.arange(len(traces))[:, np.newaxis] / FS_HZ


def amplitude_at(traces, freq_hz):
    """Return the amplitude of one frequency per channel."""
    wave = np.exp(-2j * np.pi * freq_hz * times_s(traces))
    return 2 * np.abs((traces * wave).mean(axis=0))


def test_common_signal_vanishes():
    traces = noise()
    hum = 500.0 * np.sin(2 * np.pi * 1000.0 * times_s(traces))
    result, cleaned = clean(recording_of(traces + hum), settings(), job_kwargs(1))
    assert cleaned.get_dtype() == np.dtype("int16")
    assert "common_reference" in result.outputs["steps"]
    # What stays is noise: two adjacent frequencies hold as much.
    assert amplitude_at(cleaned.get_traces(), 1000.0).max() < 0.01 * 500.0


def test_highpass_removes_mains_hum_that_channels_do_not_share():
    traces = noise()
    phases = np.linspace(0, 2 * np.pi, traces.shape[1])
    hum = 2000.0 * np.sin(2 * np.pi * 100.0 * times_s(traces) + phases)
    filtered, steps = filter_recording(recording_of(traces + hum), settings())
    # A fifth-order Butterworth filter at 300 Hz run both ways: (1/3)^10 at 100 Hz, 95 dB, below the noise.
    assert amplitude_at(filtered.get_traces()[3000:-3000], 100.0).max() < 0.001 * 2000.0
    assert steps == ["highpass"]


def test_bandpass_also_removes_what_is_fast():
    traces = 1000.0 * np.sin(2 * np.pi * np.array([1000.0, 12000.0]) * np.arange(30000)[:, np.newaxis] / FS_HZ)
    filtered, _ = filter_recording(recording_of(traces), settings(filter_type="bandpass"))
    slow, fast = np.ptp(filtered.get_traces()[3000:-3000], axis=0)
    assert slow > 1900 and fast < 60


def test_filter_above_half_the_sampling_rate_is_refused():
    with pytest.raises(UserError, match="bandpass-freq-max 6000.0 Hz is not below half"):
        filter_recording(recording_of(noise(), fs_hz=10000.0), settings(filter_type="bandpass"))


def test_phase_shift_aligns_channels_sampled_one_after_another():
    shift = np.arange(4) / 4.0  # in samples, as multiplexed converters have it
    t = (np.arange(30000)[:, np.newaxis] + shift) / FS_HZ
    recording = recording_of(5000.0 * np.sin(2 * np.pi * 3000.0 * t))
    recording.set_property("inter_sample_shift", shift)
    aligned, steps = filter_recording(recording, settings())
    apart, _ = filter_recording(recording, settings(phase_shift=False))
    middle = slice(6000, -6000)
    assert steps == ["phase_shift", "highpass"]
    assert np.ptp(aligned.get_traces()[middle], axis=1).max() < 10
    assert np.ptp(apart.get_traces()[middle], axis=1).max() > 1000


def test_unsigned_samples_become_signed():
    traces = noise() + 32768
    filtered, steps = filter_recording(recording_of(traces, dtype="uint16"), settings())
    assert filtered.get_dtype() == np.dtype("int16") and steps[0] == "unsigned_to_signed"
    assert abs(filtered.get_traces()[3000:-3000].mean()) < 1


def test_dead_and_noisy_channels_are_found(ground_truth):
    recording, _ = ground_truth
    rng = np.random.default_rng(1)
    traces = np.array(recording.get_traces(end_frame=150000)).astype("float32")
    traces += 3.0 * rng.normal(size=(len(traces), 1))  # tissue: channels are coherent, and below the noise limit
    traces[:, 5] = rng.normal(0.0, 1.0, len(traces))
    traces[:, 20] += rng.normal(0.0, 400.0, len(traces))
    damaged = NumpyRecording([traces.astype("int16")], FS_HZ)
    damaged.set_probe(recording.get_probe())
    damaged.set_channel_gains(recording.get_channel_gains())
    damaged.set_channel_offsets(0.0)
    filtered, _ = filter_recording(damaged, settings())
    bad, warnings = find_bad_channels(filtered, 0, job_kwargs(1))
    assert bad[damaged.channel_ids[5]] == "dead"
    assert bad[damaged.channel_ids[20]] == "noise"
    assert [label for label in bad.values() if label != "out"] == ["dead", "noise"]
    assert warnings == []


def test_bad_channel_detection_is_the_same_for_any_number_of_workers():
    traces = noise(duration_s=4.0)
    traces[:, 5] = np.random.default_rng(1).normal(0, 1, len(traces))
    filtered, _ = filter_recording(recording_of(traces), settings())
    assert find_bad_channels(filtered, 3, job_kwargs(1)) == find_bad_channels(filtered, 3, job_kwargs(2))


def test_tetrode_is_judged_by_noise_level_and_keeps_its_spikes():
    traces = noise(4)
    traces[:, 1] = 0.0
    traces[:, 2] *= 30.0
    filtered, _ = filter_recording(recording_of(traces), settings())
    bad, warnings = find_bad_channels(filtered, 0, job_kwargs(1))
    assert bad == {1: "dead", 2: "noise"}
    assert warnings == ["bad channels were looked for by noise level only: 4 channels are too few for coherence"]
    same, steps, warnings = reference(filtered, [], settings())
    assert same is filtered and steps == []
    assert warnings[0].startswith("no common median reference: the median of 4 channels would remove the spikes")


def test_healthy_tetrode_has_no_bad_channels():
    filtered, _ = filter_recording(recording_of(noise(4)), settings())
    assert find_bad_channels(filtered, 0, job_kwargs(1))[0] == {}


def test_destripe_removes_a_stripe_and_is_reproducible():
    traces = noise()
    stripe = 500.0 * np.sin(2 * np.pi * 1000.0 * times_s(traces))
    recording, _ = filter_recording(recording_of(traces + stripe), settings())
    once, again = (destripe(recording, [3], seed=0).get_traces() for _ in range(2))
    assert amplitude_at(once, 1000.0).max() < 0.1 * 500.0
    assert np.array_equal(once, again)


def test_destripe_refuses_a_tetrode():
    recording, _ = filter_recording(recording_of(noise(4)), settings())
    with pytest.raises(UserError, match="destripe needs 16 channels or more, this recording has 4: use .*cmr"):
        reference(recording, [], settings(denoising="destripe"))


def test_too_many_bad_channels_skip_the_recording():
    traces = noise(4)
    traces[:, :3] = 0.0
    result, recording = clean(recording_of(traces), settings(max_bad_channel_fraction=0.1), job_kwargs(1))
    assert recording is None and result.state == "skipped"
    assert "max-bad-channel-fraction 0.1" in result.reason


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_sample_that_is_not_finite_is_found(value):
    traces = noise(4, duration_s=3.0)
    traces[70000, 2] = value
    recording = recording_of(noise(4), traces, dtype="float32")
    with pytest.raises(UserError, match=r"probe 1: channel 2 is NaN or infinite 2\.3333 s after the start of segment 1"):
        check_finite(recording, "probe 1", job_kwargs(1))
    check_finite(recording_of(noise(4), dtype="float32"), "probe 1", job_kwargs(1))


@given(lengths=st.lists(st.integers(1, 400), min_size=1, max_size=4), start=st.integers(0, 300),
       length=st.integers(1, 500))
def test_cutting_time_counts_through_all_segments(lengths, start, length):
    values = np.arange(sum(lengths))
    pieces = [part[:, np.newaxis] * np.ones(4) for part in np.split(values, np.cumsum(lengths)[:-1])]
    recording = recording_of(*pieces, fs_hz=1000.0)
    expected = values[start:start + length]
    if expected.size == 0:
        with pytest.raises(UserError, match="leave nothing of a recording"):
            cut_time(recording, start / 1000, (start + length) / 1000)
        return
    cut = cut_time(recording, start / 1000, (start + length) / 1000)
    kept = [cut.get_traces(segment_index=i)[:, 0] for i in range(cut.get_num_segments())]
    assert np.array_equal(np.concatenate(kept), expected)
