"""Memory does not grow with the length of the recording."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import simsort
from simsort.sorting.own.mixture import DriftingMixture, MixtureSettings
from simsort.sorting.own.templates import MOST_KNOT_CHANNELS, knot_spacing_s

PROGRAM = """
import sys, resource
import numpy as np
import simsort
from known_spikes import ComputedRecording
from simsort.sorting.own import traces

traces.PIECE_S, traces.NOISE_PIECE_MS = 0.25, 250  # so that short recordings have as many pieces as long ones

def peak_mb_after(duration_s):
    places_um = np.array([[0.0, 40.0 * i] for i in range(32)])
    rng = np.random.default_rng(0)
    possible = np.arange(100, int(duration_s * 30000) - 100, 150)
    trains = [np.sort(rng.choice(possible, int(10 * duration_s), replace=False)) for _ in range(3)]
    recording = ComputedRecording(places_um, np.array([5, 15, 25]), trains, duration_s)
    # events that are kept are limited to the same number for both
    sorting = simsort.sort(recording, threshold=8.0, n_refinements=0, most_events=300)
    assert sorting.get_num_units() >= 3, sorting
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3

peak_mb_after(10.0)  # what the first sorting loads and compiles does not count
print(peak_mb_after(10.0), peak_mb_after(40.0))
"""
MORE_DATA_MB = 30 * 30000 * 32 * 4 / 1e6


def test_four_times_the_length_takes_no_more_memory():
    paths = os.pathsep.join([str(Path(simsort.__file__).parents[1]), str(Path(__file__).parents[2])])
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    short_mb, long_mb = map(float, done.stdout.split())
    assert long_mb - short_mb < 0.3 * MORE_DATA_MB


@given(duration_s=st.floats(1.0, 1e6), n_channels=st.integers(1, 512))
def test_templates_have_no_more_values_in_a_longer_recording(duration_s, n_channels):
    spacing_s = knot_spacing_s(20.0, duration_s, n_channels)
    n_knots = DriftingMixture(np.zeros((0, 2)), [], duration_s, np.eye(2), MixtureSettings(knot_s=spacing_s)).n_knots
    assert (n_knots - 1) * n_channels <= MOST_KNOT_CHANNELS
    assert spacing_s == 20.0 or duration_s * n_channels > 1800.0 * 384
