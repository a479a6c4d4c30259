"""A generated sorting of many units over hours, with everything a curation page shows, and no recording behind it."""

import numpy as np

# Those that need neither traces nor principal components.
METRICS = ("num_spikes", "firing_rate", "presence_ratio", "isi_violation", "amplitude_cutoff", "amplitude_median")


def many_units(n_units: int, duration_s: float, seed: int = 0):
    """Generate an analyzer in memory: spike trains with real correlograms, smooth waveforms on a long probe.

    Parameters
    ----------
    n_units : int
        Units, lognormal rates of 5 Hz on average.
    duration_s : float
        Duration of the session in seconds.
    seed : int, default: 0
        Seed of everything.

    Returns
    -------
    analyzer : SortingAnalyzer
        With templates, spike amplitudes, correlograms, intervals, places, similarity and metrics, without traces.
    """
    import spikeinterface.full as si

    rng = np.random.default_rng(seed)
    sampling_hz = 30_000.0
    sorting = draw_spikes(rng, n_units, duration_s, sampling_hz)
    contacts_um = np.column_stack([np.tile([0.0, 32.0], 192), np.repeat(np.arange(192), 2) * 20.0])
    places_um = np.column_stack([rng.uniform(-10, 42, n_units), rng.uniform(0, 3840, n_units),
                                 rng.uniform(5, 40, n_units)])
    recording = si.NoiseGeneratorRecording(384, sampling_hz, [duration_s], seed=seed, strategy="on_the_fly")
    recording.set_dummy_probe_from_locations(contacts_um)
    distances_um = np.linalg.norm(places_um[:, None, :2] - contacts_um[None], axis=2)
    # With the main channels given nothing has to be read of the recording, which is noise alone.
    analyzer = si.create_sorting_analyzer(sorting, recording, format="memory", sparse=False,
                                          main_channel_indices=distances_um.argmin(axis=1))
    put(analyzer, "templates", {"average": draw_templates(rng, distances_um)}, ms_before=2.0, ms_after=3.0,
        operators=["average"])
    put(analyzer, "unit_locations", {"unit_locations": places_um}, method="monopolar_triangulation")
    between_um = np.linalg.norm(places_um[:, None, :2] - places_um[None, :, :2], axis=2)
    put(analyzer, "template_similarity", {"similarity": np.exp(-between_um / 30)}, method="l1")
    n_spikes = len(sorting.to_spike_vector())
    put(analyzer, "spike_amplitudes", {"amplitudes": -80 * rng.lognormal(0, 0.2, n_spikes).astype("float32")})
    analyzer.compute({"correlograms": {"window_ms": 50.0, "bin_ms": 1.0},
                      "isi_histograms": {"window_ms": 100.0, "bin_ms": 5.0},
                      "quality_metrics": {"metric_names": list(METRICS), "skip_pc_metrics": True}}, progress_bar=False)
    return analyzer


def draw_spikes(rng, n_units: int, duration_s: float, sampling_hz: float):
    """Draw the spike trains of all units."""
    from spikeinterface import NumpySorting

    counts = rng.poisson(rng.lognormal(np.log(5) - 0.5, 1, n_units) * duration_s) + 20
    samples = np.concatenate([rng.integers(100, int(duration_s * sampling_hz) - 100, n) for n in counts])
    labels = np.repeat(np.arange(n_units), counts)
    order = np.argsort(samples, kind="stable")
    return NumpySorting.from_samples_and_labels([samples[order]], [labels[order]], sampling_hz,
                                                unit_ids=np.arange(n_units))


def draw_templates(rng, distances_um):
    """Return waveforms that fall off with the distance to each unit, shape (n_units, 150, n_channels)."""
    times = (np.arange(150) - 60) / 30  # ms
    widths = rng.uniform(0.15, 0.4, len(distances_um))[:, None]
    shapes = -np.exp(-((times / widths) ** 2)) + 0.4 * np.exp(-(((times - 2.5 * widths) / (2 * widths)) ** 2))
    gains = rng.uniform(50, 300, len(distances_um))[:, None] / (1 + (distances_um / 25) ** 2)
    return (shapes[:, :, None] * gains[:, None, :]).astype("float32")


def put(analyzer, name: str, data: dict, **params) -> None:
    """Give an analyzer an extension that was made, not computed."""
    from spikeinterface.core.sortinganalyzer import get_extension_class

    extension = get_extension_class(name)(analyzer)
    extension.params, extension.data, extension.run_info = params, data, {"run_completed": True, "runtime_s": 0.0}
    analyzer.extensions[name] = extension
