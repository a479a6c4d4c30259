"""What one pass over a raw recording finds, on signals with known answers; spectra, drift and the limits."""

import math

import numpy as np
import pytest

from simsort.config.parameters import resolve
from simsort.config.quality_control import LIMITS, Limit, limits_of
from simsort.errors import UserError
from simsort.quality.catalogue import MEASURES
from simsort.quality.metric import Metric, judge

FS = 30_000.0
ONE_JOB = dict(n_jobs=1, progress_bar=False)


def recording_of(traces, n_segments=1):
    import probeinterface
    from spikeinterface import NumpyRecording

    recording = NumpyRecording(np.array_split(traces, n_segments), FS)
    recording.set_channel_gains(2.0)
    recording.set_channel_offsets(0.0)
    probe = probeinterface.generate_linear_probe(traces.shape[1], ypitch=20)
    probe.set_device_channel_indices(np.arange(traces.shape[1]))
    recording.set_probe(probe)
    return recording


def noise(duration_s=4, n_channels=20, sigma=10.0, seed=0):
    return np.random.default_rng(seed).normal(0, sigma, (int(duration_s * FS), n_channels)).round().astype("int16")


def test_saturation_is_found_where_it_is():
    from simsort.quality.scan import scan

    traces = noise()
    traces[30_000:33_000, 3] = np.iinfo("int16").max
    found = scan(recording_of(traces), ONE_JOB)
    assert found.saturated[1] == pytest.approx(0.1 / 20, rel=0.01) and found.saturated[[0, 2, 3]].max() < 1e-4
    assert found.saturated_by_channel[3] == pytest.approx(0.025, rel=0.01)
    assert found.fraction(found.saturated) == pytest.approx(0.1 / 20 / 4, rel=0.05)


def test_dead_time_is_counted_whatever_the_value():
    from simsort.quality.scan import count_dead, scan

    traces = noise()
    traces[40_000:43_001] = 0
    traces[70_000:73_000] = traces[69_999]
    found = scan(recording_of(traces), ONE_JOB)
    assert found.dead[1] == pytest.approx(0.1) and found.dead[2] == pytest.approx(0.1) and found.dead[[0, 3]].max() == 0
    assert count_dead(np.zeros((29, 2)), 30) == 0 and count_dead(np.zeros((31, 2)), 30) == 30
    assert count_dead(np.zeros((1, 2)), 30) == 0


@pytest.mark.parametrize("n_segments", [1, 2])
def test_steps_on_all_channels_are_artefacts_and_spikes_are_not(n_segments):
    from simsort.quality.scan import scan

    traces = noise()
    traces[100_000:100_030] += 200  # an artefact: 400 uV on all channels
    traces[20_000:20_030, 4:7] += 200  # a spike
    found = scan(recording_of(traces, n_segments), ONE_JOB)
    assert found.n_artifacts == 1
    assert found.artifact_times_s == [pytest.approx(100_000 / FS, abs=2e-3)]
    assert found.artifact.argmax() == 3 and 0.002 < found.artifact[3] < 0.006
    assert scan(recording_of(noise(n_channels=4)), ONE_JOB).n_artifacts is None


def test_workers_change_nothing():
    from simsort.quality.scan import scan

    traces = noise()
    traces[50_000:50_900] = np.iinfo("int16").min
    one, two = (scan(recording_of(traces), dict(n_jobs=n, progress_bar=False, mp_context="fork")) for n in (1, 2))
    np.testing.assert_array_equal(one.saturated, two.saturated)
    np.testing.assert_array_equal(one.times_s, two.times_s)


def test_noise_and_mains_are_measured():
    from simsort.quality.spectra import line_noise, measure_spectra

    traces = noise(duration_s=6, n_channels=4).astype("float64")
    times = np.arange(len(traces)) / FS
    hum = traces + 10 * np.sin(2 * np.pi * 60 * times)[:, np.newaxis]
    quiet, humming = (measure_spectra(recording_of(t.round().astype("int16")), 60) for t in (traces, hum))
    assert quiet.n_stretches == 6
    np.testing.assert_allclose(quiet.noise, 20.0, rtol=0.03)  # gain 2
    np.testing.assert_allclose(quiet.rms, 20.0, rtol=0.03)
    assert np.trapezoid(quiet.power[0], quiet.frequencies_hz) == pytest.approx(400, rel=0.05)
    # a sine of amplitude A has A^2 / 2 within a bin of 1 Hz (1.5 Hz with Hann's window)
    expected_db = 10 * np.log10(20**2 / 2 / 1.5 / (400 / 15_000))
    found = line_noise(humming, None)
    assert (found["mains_hz"], found["frequency_hz"]) == (60.0, 60.0)
    assert found["excess_db"] == pytest.approx(expected_db, abs=3)
    assert line_noise(quiet, None)["excess_db"] < 6 and line_noise(humming, 50.0)["lines"][50.0] < 6


def test_noise_below_a_step_of_the_converter_is_no_multiple_of_it():
    from simsort.quality.spectra import measure_spectra

    spectra = measure_spectra(recording_of(noise(duration_s=2, n_channels=3, sigma=1.3)), 10)
    np.testing.assert_allclose(spectra.noise, 2 * math.hypot(1.3, 1 / math.sqrt(12), 1 / math.sqrt(12)), rtol=0.03)


def test_correction_of_drift_makes_depths_alike():
    from simsort.quality.drift import alikeness

    rng = np.random.default_rng(0)
    times_s = np.sort(rng.uniform(0, 60, 6000))
    home_um = rng.choice([100, 180, 320, 500], 6000) + rng.normal(0, 3, 6000)
    moved_um = home_um + 30 * np.sin(times_s / 5)
    assert alikeness(times_s, home_um) > 0.95 > 0.6 > alikeness(times_s, moved_um)
    assert alikeness(times_s[:10], home_um[:10]) is None


def test_limits_and_the_worst_verdict():
    above, below = Limit(1.0, 2.0), Limit(0.5, 0.2, "below")
    assert [above.verdict(v) for v in (1.0, 1.1, 2.1, None, math.nan)] == ["pass", "warn", "fail", "unknown", "unknown"]
    assert [below.verdict(v) for v in (0.5, 0.4, 0.1)] == ["pass", "warn", "fail"]
    metrics = [Metric("noise_raw_uv", 5.0), Metric("saturated_fraction", 0.01), Metric("drift_range_um", None)]
    assert set(LIMITS) == set(MEASURES)
    assert judge(metrics, LIMITS) == "warn"
    assert [m.verdict for m in metrics] == ["pass", "warn", "unknown"]
    assert judge(metrics[2:], LIMITS) == "unknown"


def test_thresholds_are_the_users():
    settings = resolve({"sorter": "lupin", "quality_control": {"thresholds": {"drift_range_um": [5, None]}}})
    limit = limits_of(settings["quality_control"]["thresholds"])["drift_range_um"]
    assert limit.verdict(1000.0) == "warn" and str(limit) == "warn above 5"


@pytest.mark.parametrize("thresholds, words", [
    ({"drift_rnge_um": [1, 2]}, "did you mean drift_range_um?"), ({"drift_range_um": 5}, "give [warn, fail]"),
    ({"drift_range_um": [5, "x"]}, "give [warn, fail]"), ({"drift_range_um": [5, 4]}, "fails before it warns"),
    ({"motion_correlation": [0.2, 0.5]}, "fails before it warns")])
def test_bad_thresholds_stop_the_run_at_once(thresholds, words):
    with pytest.raises(UserError, match=".*--quality_control.thresholds.*") as error:
        resolve({"sorter": "lupin", "quality_control": {"thresholds": thresholds}})
    assert words in str(error.value)


def test_the_document_has_every_measure_with_its_limits():
    from workflow_runs import REPO

    page = (REPO / "docs/quality.md").read_text()
    for name, measure in MEASURES.items():
        unit = f" ({measure.unit})" if measure.unit else ""
        assert f"| `{name}`{unit} | {measure.description} | {LIMITS[name]} |" in page, name
