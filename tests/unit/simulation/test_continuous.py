"""Continuous mode: whole membrane currents projected, in the form of the fast mode."""

import dataclasses

import numpy as np
import pytest

from simsort.errors import UserError
from simsort.simulation.recordings.continuous import add_file, given_trains, project, simulate_continuous
from simsort.simulation.recordings.presets import preset
from simsort.simulation.recordings.probes import make_probe


def test_projection_is_exact_on_the_grid_and_linear_between():
    rng = np.random.default_rng(0)
    transfer, currents = rng.standard_normal((5, 3, 7)), rng.standard_normal((7, 40))
    grid_um, displacements_um = np.linspace(-2, 2, 5), rng.uniform(-2, 2, 40)
    displacements_um[:5] = grid_um
    found = project(transfer, grid_um, currents, displacements_um)
    for sample in range(40):
        matrix = np.apply_along_axis(lambda column: np.interp(displacements_um[sample], grid_um, column), 0, transfer)
        np.testing.assert_allclose(found[:, sample], matrix @ currents[:, sample], atol=1e-5)
    np.testing.assert_allclose(project(transfer[:1], grid_um[:1], currents, displacements_um), transfer[0] @ currents)


def test_trains_and_files(tmp_path):
    settings = preset("paper", duration_s=1.0).settings
    trains = given_trains([np.array([1.05, 50.0]), np.zeros(0), np.array([20.19])], settings)
    spikes = trains.between(0, 10000)
    assert spikes.sample.tolist() == [10, 201, 500] and spikes.unit.tolist() == [0, 2, 0]
    np.testing.assert_allclose(trains.fractions, [0.5, 0.9, 0.0], atol=1e-9)
    total, one = np.ones((50, 4), dtype="<f4"), np.arange(200, dtype="<f4")
    one.tofile(tmp_path / "one.f32")
    add_file(total, tmp_path / "one.f32")
    np.testing.assert_array_equal(total.ravel(), one + 1)
    with pytest.raises(UserError, match="drive"):
        simulate_continuous([], make_probe("tetrode"), settings, folder=tmp_path / "new", drive="none")


@pytest.mark.neuron
@pytest.mark.slow
def test_paper_preset_on_two_cells(tmp_path):
    from simsort.simulation.cells.cell_types import builtin_models

    chosen = preset("paper", duration_s=1.0)
    placement = dataclasses.replace(chosen.settings.placement, n_cells=2, radius_um=30.0)
    settings = dataclasses.replace(chosen.settings, placement=placement)
    recording = simulate_continuous(builtin_models(["L5_TTPC", "L4_LBC"]), make_probe(chosen.probe), settings, 1,
                                    folder=tmp_path / "out")
    truth = recording.ground_truth()
    assert sorted(truth.get_property("cell_type")) == ["L4_LBC", "L5_TTPC"]
    assert truth.count_total_num_spikes() > 0
    traces_uv = recording.get_traces(return_in_uV=True)
    assert traces_uv.shape == (10000, 4)
    unit = int(np.argmax(truth.count_num_spikes_per_unit(outputs="array")))
    channel = truth.get_property("peak_channel")[unit]
    samples = truth.get_unit_spike_train(truth.unit_ids[unit])
    samples = samples[(samples > 30) & (samples < 9900)]
    around = np.array([np.ptp(traces_uv[sample - 5:sample + 10, channel]) for sample in samples])
    assert np.median(around) > 0.5 * truth.get_property("peak_amplitude_uv")[unit]
