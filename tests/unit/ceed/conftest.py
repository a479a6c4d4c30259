"""Spikes made of formulas and simulated ones, few of each; torch on one thread, as in the workflow."""

import numpy as np
import pytest
from steady_torch import one_thread  # noqa: F401


@pytest.fixture(scope="session")
def spikes():
    """Six units of 40 spikes, 5 channels of a probe of 12; noise correlated in space and time."""
    from simsort.ceed.spikes import LabelledSpikes
    from simsort.ceed.windows import make_windows, root_of, spatial_roots
    from simsort.models.ceed_form import CeedForm

    form, rng = CeedForm(n_channels=5), np.random.default_rng(0)
    positions_um = np.stack([np.zeros(12), 20.0 * np.arange(12)], axis=1)
    windows = make_windows(positions_um, np.zeros(12, dtype=int), form)
    far = np.abs(positions_um[:, 1][:, None] - positions_um[:, 1])
    covariance = np.exp(-far / 40)
    steps = np.abs(np.arange(121)[:, None] - np.arange(121))
    unit = np.repeat(np.arange(6), 40)
    row = 3 + unit
    time_ms = (np.arange(121) - 42) / 30
    width = 0.1 + 0.04 * np.arange(6)
    shape = -np.exp(-(time_ms / width[:, None]) ** 2) + 0.3 * np.exp(-((time_ms - 0.6) / 0.4) ** 2)
    depth = 8.0 + 3 * np.arange(6)
    fall = np.exp(-np.abs(np.arange(-4, 5)) / (1 + 0.3 * np.arange(6))[:, None])
    clean = depth[:, None, None] * fall[:, :, None] * shape[:, None]
    waveforms = clean[unit] + rng.standard_normal((240, 9, 121))
    waveforms = (waveforms * windows.is_there[row][:, :, None]).astype(np.float32)
    mixed = rng.permutation(240)
    return LabelledSpikes(form=form, waveforms=waveforms[mixed], unit=unit[mixed],
                          recording=np.zeros(240, dtype=np.int64), row=row[mixed],
                          unit_names=np.array([f"u{one}" for one in range(6)]), snr=depth.astype(np.float32),
                          is_there=windows.is_there, offsets_um=windows.offsets_um,
                          spatial_roots=spatial_roots(covariance, windows, form),
                          temporal_roots=root_of(np.exp(-steps / 3.0))[None].astype(np.float32))


@pytest.fixture(scope="session")
def cells_folder(tmp_path_factory):
    """A folder with six cells, two of them of a held-out type."""
    import dataclasses

    from made_up_cells import made_up_cells

    folder = tmp_path_factory.mktemp("simulated") / "library" / "cells"
    folder.mkdir(parents=True)
    for cell in made_up_cells(2):
        name = cell.model["name"].replace("L5_PVB", "L6_PC")
        dataclasses.replace(cell, model={**cell.model, "name": name}).save(folder / f"{name}.safetensors")
    return folder.parents[1]


@pytest.fixture(scope="session")
def analyzer_folder(tmp_path_factory):
    """A sorting analyzer of a short recording with known spikes: four units on 8 contacts, sampled at 20 kHz."""
    import spikeinterface as si
    from spikeinterface.core import generate_ground_truth_recording

    recording, sorting = generate_ground_truth_recording(
        durations=[12.0], sampling_frequency=20000.0, num_channels=8, num_units=4, seed=3,
        generate_sorting_kwargs=dict(firing_rates=8.0, refractory_period_ms=4.0))
    folder = tmp_path_factory.mktemp("sorted")
    recording = recording.save(folder=folder / "recording", n_jobs=1, verbose=False)
    sorting = sorting.save(folder=folder / "sorting")
    analyzer = si.create_sorting_analyzer(sorting, recording, folder=folder / "analyzer", format="binary_folder",
                                          sparse=False)
    analyzer.compute(["random_spikes", "templates"])
    return folder / "analyzer"
