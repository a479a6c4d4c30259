"""Outputs of the earlier stages, made by hand from planted ground truth, for the stages after sorting."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest


class StageFolders(NamedTuple):
    """Folders as the stages leave them: `.raw` (DATA_PATH), `.preprocessed`, `.sorted`."""

    raw: Path
    preprocessed: Path
    sorted: Path


@pytest.fixture(scope="session")
def stage_folders():
    """Write a recording and a sorting as the preprocessing and sorting stages do: `stage_folders(root, rec, sort)`."""
    import spikeinterface.full as si

    from simsort.records import Record

    def write(root: Path, recording, sorting) -> StageFolders:
        folders = StageFolders(*(Path(root) / name for name in ("raw", "preprocessed", "sorted")))
        names = dict(recording_name="block0_imec0.ap_recording1", session_name="mouse")
        recording.save(folder=folders.raw / "copy", progress_bar=False)
        lazy = si.highpass_filter(si.load(folders.raw / "copy"), freq_min=150.0)
        lazy.save(folder=folders.preprocessed / "binary", progress_bar=False)
        lazy.dump_to_json(folders.preprocessed / "recording.json", relative_to=folders.raw)
        Record(stage="preprocess", parameters={"motion": "compute"}, **names).write(folders.preprocessed)
        sorting.save(folder=folders.sorted / "sorting")
        Record(stage="sort", **names).write(folders.sorted)
        return folders

    return write


def poisson_train(rng, rate_hz: float, start_s: float, stop_s: float, refractory_ms: float = 4.0) -> np.ndarray:
    """Draw spike times in s, no two closer than the refractory period."""
    gaps = refractory_ms / 1000 + rng.exponential(1 / rate_hz - refractory_ms / 1000, int(3 * rate_hz * stop_s))
    times = start_s + np.cumsum(gaps)
    return times[times < stop_s - 0.01]


@pytest.fixture(scope="session")
def planted(stage_folders, tmp_path_factory):
    """40 s of 16 int16 channels, units far apart, postprocessed.

    clean fires steadily, bursting has a tenth of its spikes 1 ms after another, half falls silent at 20 s; twin is
    clean again, 3 samples late, as a sorter may report it.
    """
    import spikeinterface.full as si

    rng, fs = np.random.default_rng(0), 30_000.0
    clean = poisson_train(rng, 20.0, 0.02, 40.0)
    bursting = poisson_train(rng, 18.0, 0.02, 40.0)
    bursting = np.sort(np.concatenate([bursting, bursting[::10] + 0.001]))
    trains = {"clean": clean, "bursting": bursting, "half": poisson_train(rng, 40.0, 0.02, 20.0)}
    frames = {unit_id: (times * fs).astype("int64") for unit_id, times in trains.items()}
    truth = si.NumpySorting.from_unit_dict([frames], fs)
    recording, _ = si.generate_ground_truth_recording(
        durations=[40.0], sampling_frequency=fs, num_channels=16, sorting=truth, seed=3,
        generate_unit_locations_kwargs=dict(minimum_distance=40.0, margin_um=0.0, minimum_z=10.0, maximum_z=20.0),
        noise_kwargs=dict(noise_levels=5.0, strategy="on_the_fly"))
    counts = si.NumpyRecording([(recording.get_traces() / 0.2).round().astype("int16")], fs)
    counts.set_channel_gains(0.2)
    counts.set_channel_offsets(0.0)
    counts.set_probe(recording.get_probe())
    found = si.NumpySorting.from_unit_dict([frames | {"twin": frames["clean"] + 3}], fs)
    return run_postprocess(stage_folders(tmp_path_factory.mktemp("planted"), counts, found))


@pytest.fixture(scope="session")
def tetrode(stage_folders, tmp_path_factory):
    """Folders of a float32 tetrode recording in two segments (6 and 4 s) with three units."""
    import spikeinterface.full as si

    recording, sorting = si.generate_ground_truth_recording(
        durations=[6.0, 4.0], num_channels=4, num_units=3, seed=1, sampling_frequency=30_000.0,
        generate_probe_kwargs=dict(num_columns=2, xpitch=25, ypitch=25))
    return stage_folders(tmp_path_factory.mktemp("tetrode"), recording, sorting)


def run_postprocess(folders: StageFolders, out: Path | None = None, n_jobs: int = 1, **settings):
    """Postprocess and return (folders, output folder, record)."""
    from simsort.config.stages import Postprocessing
    from simsort.postprocessing.postprocess import postprocess

    out = out or folders.raw.parent / "postprocessed"
    out.mkdir()
    job_kwargs = dict(n_jobs=n_jobs, chunk_duration="1s", progress_bar=False, mp_context="fork")
    settings = dataclasses.asdict(Postprocessing(**settings))
    record = postprocess(folders.preprocessed, folders.sorted, settings, job_kwargs, out)
    record.write(out)
    return folders, out, record


@pytest.fixture(scope="session")
def postprocess_folders():
    """`postprocess_folders(folders, out, n_jobs=1, **settings)` gives (folders, output folder, record)."""
    return run_postprocess
