"""Whether a motion estimate is noise, told by two halves of the peaks."""

import numpy as np
import pytest

from simsort.preprocessing.motion import describe_noise
from simsort.preprocessing.motion_noise import MotionNoise, compare, measure_noise, middle

FS_HZ, DURATION_S = 30_000.0, 40.0
OPTIONS = {"method": "dredge_ap", "direction": "y", "rigid": True}


def flat_recording(duration_s=DURATION_S):
    """64 channels of Neuropixels 1.0 whose samples nobody reads."""
    from spikeinterface.core import NoiseGeneratorRecording

    from simsort.writers.spikeglx import neuropixels_probe

    recording = NoiseGeneratorRecording(64, FS_HZ, [duration_s], strategy="tile_pregenerated", seed=0)
    recording.set_probe(neuropixels_probe(64))
    return recording


def planted_peaks(n_peaks, scatter_um, moved_um, seed=0):
    """Peaks of 12 cells at fixed depths, scattered and moved: (peaks, locations)."""
    rng = np.random.default_rng(seed)
    peaks = np.zeros(n_peaks, dtype=[("sample_index", "i8"), ("channel_index", "i8"), ("amplitude", "f8"),
                                     ("segment_index", "i8")])
    peaks["sample_index"] = np.sort(rng.integers(0, int(DURATION_S * FS_HZ), n_peaks))
    cells = rng.integers(0, 12, n_peaks)
    peaks["amplitude"] = -(60.0 + 10 * cells)
    locations = np.zeros(n_peaks, dtype=[("x", "f8"), ("y", "f8")])
    locations["y"] = rng.uniform(40, 600, 12)[cells] + rng.normal(0, scatter_um, n_peaks)
    locations["y"] += moved_um(peaks["sample_index"] / FS_HZ)
    return peaks, locations


def test_the_error_is_half_the_difference_of_the_halves():
    """By the definition: two halves of twice the variance each, on a signal of known variance."""
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 10, (20_000, 1))
    one, two = (signal + rng.normal(0, 3 * np.sqrt(2), signal.shape) + constant for constant in (0.0, 50.0))
    found = compare(one, two)
    assert found.noise_um == pytest.approx(3, rel=0.02) and not found.is_noise
    assert found.reliability == pytest.approx(100 / 109, abs=0.01)  # variance of the motion in the whole's estimate


def test_noise_alone_and_standing_still():
    rng = np.random.default_rng(0)
    noise = compare(rng.normal(0, 10, (5000, 3)), rng.normal(0, 10, (5000, 3)))
    assert noise.is_noise and abs(noise.reliability) < 0.1
    still = compare(np.zeros((30, 2)), np.zeros((30, 2)))
    assert (still.noise_um, still.is_noise) == (0.0, False), "an estimate of no motion is not noise"
    assert compare(np.zeros((30, 1)), rng.normal(0, 20, (30, 1))).is_noise, "one half stands still"
    opposite = rng.normal(0, 10, (30, 1))
    assert compare(opposite, -opposite).reliability == -2.0


def test_real_motion_is_reliable_and_peaks_anywhere_are_noise():
    pytest.importorskip("torch")

    def moved_um(times_s):
        return 12 * np.sin(2 * np.pi * times_s / DURATION_S)

    recording = flat_recording()
    real = measure_noise(recording, *planted_peaks(4000, 4.0, moved_um), OPTIONS, seed=0)
    assert real.reliability > 0.95 and real.noise_um < 1.0 and not real.is_noise
    anywhere = measure_noise(recording, *planted_peaks(600, 400.0, lambda t: 0 * t), OPTIONS, seed=0)
    assert anywhere.is_noise and anywhere.noise_um > 5.0
    assert measure_noise(recording, *planted_peaks(4000, 4.0, moved_um), OPTIONS, seed=0) == real


def test_what_cannot_be_known_says_why():
    recording = flat_recording()
    few = measure_noise(recording, *planted_peaks(300, 4.0, lambda t: 0 * t), OPTIONS, seed=0)
    assert few == MotionNoise(reason="fewer than 400 peaks") and not few.is_noise
    slow = measure_noise(recording, *planted_peaks(900, 4.0, lambda t: 0 * t), {"method": "medicine"}, seed=0)
    assert "medicine" in slow.reason


def test_a_long_recording_is_looked_at_in_its_middle(monkeypatch):
    monkeypatch.setattr("simsort.preprocessing.motion_noise.MOST_S", 10.0)
    peaks, locations = planted_peaks(2000, 4.0, lambda t: 0 * t)
    part, kept, places = middle(flat_recording(), peaks, locations)
    assert part.get_total_duration() == 10.0 and part.get_start_time() == 0.0
    assert len(kept) == len(places) == pytest.approx(500, abs=60)
    assert 0 <= kept["sample_index"].min() and kept["sample_index"].max() < 10 * FS_HZ
    first = np.flatnonzero(peaks["sample_index"] >= 15 * FS_HZ)[0]
    assert kept["sample_index"][0] == peaks["sample_index"][first] - 15 * FS_HZ and places[0] == locations[first]


def test_the_message_names_the_size():
    info = {"peaks": np.zeros(700), "noise": MotionNoise(8.25, 0.1)}
    assert describe_noise(info) == ("the motion estimate is noise: two halves of the 700 spikes do not agree (error "
                                    "8.2 um, reliability 0.10)")
    assert describe_noise({"peaks": np.zeros(700), "noise": MotionNoise(8.25, 0.9)}) == ""
