"""Time and peak memory of all metrics on a long recording of many units, waveforms and all else computed before.

python -m simsort.benchmarks.metrics.scale '{"analyzer": ..., "n_jobs": 2}' RESULT.json
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

from simsort.benchmarks.machine import OtherLoad, describe_machine
from simsort.benchmarks.many_units import put

SAMPLING_HZ = 30_000.0
N_CHANNELS = 32
RATE_HZ = 8.0  # mean of a lognormal distribution
NOISE_UV = 8.0
MS_BEFORE, MS_AFTER = 2.0, 3.0
N_SLOWEST = 3


def measure_scale(n_units: int, duration_s: float, n_jobs: int, out: Path, *, keep: bool = False) -> dict:
    """Measure the metrics of one generated analyzer in a process of its own.

    Parameters
    ----------
    n_units : int
        Units.
    duration_s : float
        Duration of the recording.
    n_jobs : int
        Worker processes.
    out : Path
        Folder of the bench; the analyzer (some hundred MB) is removed again.
    keep : bool, default: False
        Keep the analyzer.

    Returns
    -------
    result : dict
        `metrics_s`, `wall_s` (loading included), `peak_bytes` (largest sum of the processes' proportional set sizes),
        `cpu_s` (of all its processes, which other work on the machine does not change), `slowest`, `n_spikes`,
        `other_cores` and more.

    Raises
    ------
    RuntimeError
        If the process fails, or a metric does.
    """
    from simsort.benchmarks.memory import measure_memory
    from simsort.benchmarks.sorters.runs import SCRIPTS

    folder = Path(out) / "scale"
    folder.mkdir(parents=True, exist_ok=True)
    analyzer, found, log = folder / "analyzer.zarr", folder / "result.json", folder / "process.log"
    shutil.rmtree(analyzer, ignore_errors=True)
    found.unlink(missing_ok=True)
    print(f"simsort bench: making {n_units} units over {duration_s / 60:g} min", flush=True)
    n_spikes = make_analyzer(n_units, duration_s, analyzer)
    print("simsort bench: computing their metrics", flush=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(
        filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")]))}
    command = [sys.executable, "-m", "simsort.benchmarks.metrics.scale",
               json.dumps({"analyzer": str(analyzer), "n_jobs": n_jobs}), str(found)]
    with OtherLoad() as other:
        use = measure_memory(command, log, env=environment)
    if use.status != 0:
        raise RuntimeError(f"computing the metrics ended with exit status {use.status}: see {log}")
    if not keep:
        shutil.rmtree(analyzer)
    return {"n_units": n_units, "duration_s": duration_s, "n_channels": N_CHANNELS, "n_jobs": n_jobs,
            "n_spikes": n_spikes, "wall_s": use.wall_s, "peak_bytes": use.peak_pss_bytes,
            "cpu_s": other.own_cores * use.wall_s, "other_cores": other.other_cores, **json.loads(found.read_text()),
            "machine": describe_machine()}


def make_analyzer(n_units: int, duration_s: float, path: Path, seed: int = 0) -> int:
    """Write an analyzer with every extension that a metric needs, made rather than computed; return its spikes.

    Sizes and types are those of the pipeline; principal components are SpikeInterface's own of the waveforms.
    """
    import numpy as np
    import spikeinterface.full as si

    from simsort.postprocessing.extensions import drop_pickled_models, extension_parameters
    from simsort.writers.spikeglx import neuropixels_probe

    rng = np.random.default_rng(seed)
    sorting = draw_spikes(rng, n_units, duration_s)
    recording = si.NoiseGeneratorRecording(N_CHANNELS, SAMPLING_HZ, [duration_s], noise_levels=NOISE_UV, seed=seed,
                                           strategy="tile_pregenerated")
    recording.set_probe(neuropixels_probe(N_CHANNELS))
    recording.set_channel_gains(1.0)
    recording.set_channel_offsets(0.0)
    contacts_um = recording.get_channel_locations()
    places_um = np.column_stack([rng.uniform(-10, 60, n_units), rng.uniform(*np.quantile(contacts_um[:, 1], [0, 1]),
                                                                            n_units), rng.uniform(5, 40, n_units)])
    distances_um = np.linalg.norm(places_um[:, None, :2] - contacts_um[None], axis=2)
    analyzer = si.create_sorting_analyzer(
        sorting, recording, format="memory", main_channel_indices=distances_um.argmin(axis=1), return_in_uV=True,
        sparsity=si.ChannelSparsity(distances_um <= 100.0, sorting.unit_ids, recording.channel_ids))
    parameters = extension_parameters(settings())
    analyzer.compute("random_spikes", **parameters["random_spikes"])
    analyzer.compute("noise_levels", **parameters["noise_levels"])
    fill(analyzer, rng, distances_um, places_um)
    analyzer.compute("principal_components", **parameters["principal_components"], n_jobs=1, progress_bar=False)
    stored = analyzer.save_as(format="zarr", folder=path)
    drop_pickled_models(stored)
    return int(sorting.to_spike_vector().size)


def settings() -> dict:
    """Return the default settings of the postprocessing stage."""
    from simsort.config.parameters import resolve

    return resolve({})["postprocessing"]


def draw_spikes(rng, n_units: int, duration_s: float):
    """Draw the spike trains: lognormal rates, no interval below 2 ms."""
    import numpy as np
    from spikeinterface import NumpySorting

    trains = []
    for rate_hz in rng.lognormal(np.log(RATE_HZ) - 0.5, 1.0, n_units).clip(0.05, 50.0):
        intervals_s = 0.002 + rng.exponential(max(1 / rate_hz - 0.002, 1e-3), int(1.3 * rate_hz * duration_s) + 50)
        times_s = np.cumsum(intervals_s)
        trains.append((times_s[times_s < duration_s - 0.01] * SAMPLING_HZ).astype("int64"))
    labels = np.repeat(np.arange(n_units), [len(train) for train in trains])
    samples = np.concatenate(trains)
    order = np.argsort(samples, kind="stable")
    return NumpySorting.from_samples_and_labels([samples[order]], [labels[order]], SAMPLING_HZ,
                                                unit_ids=np.arange(n_units))


def fill(analyzer, rng, distances_um, places_um) -> None:
    """Put waveforms, templates, amplitudes, scalings and places into an analyzer."""
    import numpy as np

    n_before, n_after = (int(ms * SAMPLING_HZ / 1000) for ms in (MS_BEFORE, MS_AFTER))
    times_ms = (np.arange(n_before + n_after) - n_before) / SAMPLING_HZ * 1000
    shape = -np.exp(-((times_ms / 0.25) ** 2)) + 0.4 * np.exp(-(((times_ms - 0.6) / 0.5) ** 2))
    gains_uv = rng.uniform(50, 300, len(distances_um))[:, None] / (1 + (distances_um / 25) ** 2)
    templates = (shape[None, :, None] * gains_uv[:, None, :]).astype("float32")  # n_units x n_samples x n_channels
    chosen = analyzer.get_extension("random_spikes").get_random_spikes()
    indices = analyzer.sparsity.unit_id_to_channel_indices
    n_most = max(map(len, indices.values()))
    waveforms = rng.standard_normal((len(chosen), len(times_ms), n_most), dtype="float32")
    waveforms *= NOISE_UV
    for unit, unit_id in enumerate(analyzer.unit_ids):
        channels = indices[unit_id]
        waveforms[chosen["unit_index"] == unit, :, :len(channels)] += templates[unit][:, channels]
    windows = dict(ms_before=MS_BEFORE, ms_after=MS_AFTER)
    put(analyzer, "waveforms", {"waveforms": waveforms}, **windows, dtype="float32")
    put(analyzer, "templates", {"average": templates, "std": np.full_like(templates, NOISE_UV)}, **windows,
        operators=["average", "std"])
    spikes = analyzer.sorting.to_spike_vector()
    peaks = templates.min(axis=(1, 2))[spikes["unit_index"]]
    put(analyzer, "spike_amplitudes", {"amplitudes": peaks + rng.normal(0, NOISE_UV, len(spikes)).astype("float32")})
    put(analyzer, "amplitude_scalings", {
        "amplitude_scalings": rng.normal(1, 0.1, len(spikes)).astype("float32"),
        "collision_mask": rng.random(len(spikes)) < 0.1})
    locations = np.zeros(len(spikes), dtype=[("x", "float64"), ("y", "float64")])
    for axis, column in (("x", 0), ("y", 1)):
        locations[axis] = places_um[spikes["unit_index"], column] + rng.normal(0, 3, len(spikes))
    put(analyzer, "spike_locations", {"spike_locations": locations}, method="grid_convolution")


def main(arguments: dict) -> dict:
    """Compute the metrics as the postprocessing stage does; return how long all and each took."""
    import spikeinterface.full as si
    from threadpoolctl import threadpool_limits

    from simsort.postprocessing import quality_metrics
    from simsort.workers import job_kwargs

    seconds = {}
    jobs = job_kwargs(arguments["n_jobs"])
    si.set_global_job_kwargs(**jobs)
    analyzer = si.load_sorting_analyzer(arguments["analyzer"], load_extensions=False)
    with threadpool_limits(1):
        start = time.perf_counter()
        left_out, failed = quality_metrics.compute_quality_metrics(
            analyzer, settings(), jobs, on_metric=lambda name, spent_s: seconds.update({name: spent_s}))
        total_s = time.perf_counter() - start
    if left_out or failed:
        raise RuntimeError(f"metrics not computed: {left_out | failed}")
    slowest = sorted(seconds.items(), key=lambda item: -item[1])[:N_SLOWEST]
    return {"metrics_s": total_s, "slowest": slowest, "seconds": seconds}


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(main(json.loads(sys.argv[1]))) + "\n")
