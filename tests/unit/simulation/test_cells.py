"""The built-in cells: descriptions, building with both kinds of kinetics, firing, extracellular width."""

import dataclasses
import pickle

import numpy as np
import pytest

from simsort.benchmarks.simulation.discretisation import spike_amplitude
from simsort.errors import UserError
from simsort.simulation.cells.builtin import draw_densities
from simsort.simulation.cells.cell_types import CELL_TYPES, builtin_models
from simsort.simulation.cells.model import build_cell
from simsort.simulation.currents.process import in_fresh_process

DT_MS = 1 / 30
CURRENTS_NA = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)


def simulate(cell, amplitude_na, duration_ms=300.0, with_currents=False):
    """Return the soma's potential (n,) and the membrane currents (n_segments, n), a step from 20 ms on."""
    from neuron import h

    h.load_file("stdrun.hoc")
    h.celsius, h.dt, h.steps_per_ms = cell.celsius, DT_MS, 1 / DT_MS
    h.CVode().use_fast_imem(1)
    clamp = h.IClamp(cell.soma(0.5))
    clamp.delay, clamp.dur, clamp.amp = 20.0, 1e9, amplitude_na
    potential = h.Vector().record(cell.soma(0.5)._ref_v)
    recorded = [h.Vector().record(segment._ref_i_membrane_) for segment in cell.segments()] if with_currents else []
    h.finitialize(cell.v_init_mv)
    h.continuerun(duration_ms)
    return np.array(potential), np.array([np.array(vector) for vector in recorded])


def crossings(potential, threshold_mv=-20.0):
    return np.flatnonzero((potential[:-1] < threshold_mv) & (potential[1:] >= threshold_mv))


def rates_of_all_types():
    """Return type -> (resting potential, rate in Hz for each of CURRENTS_NA)."""
    found = {}
    for model in builtin_models():
        cell = build_cell(model, kinetics="nmodl")
        runs = [simulate(cell, current)[0] for current in CURRENTS_NA]
        found[model.cell_type] = runs[0][-1], [len(crossings(run)[crossings(run) > 100 * 30]) / 0.2 for run in runs]
    return found


def one_spiking(model, kinetics):
    """Return a cell's lines, potential and currents under 0.4 nA."""
    cell = build_cell(model, kinetics=kinetics)
    potential, currents = simulate(cell, 0.4, duration_ms=200.0, with_currents=True)
    return cell.lines(), potential, currents


def extracellular_widths(names):
    """Return type -> trough-to-peak (ms) after a 300 Hz high-pass, median of rings and of two individuals."""
    from scipy.signal import butter, resample, sosfiltfilt

    from simsort.simulation.field.line_source import transfer_matrix

    band, found = butter(3, 300, "highpass", fs=30000, output="sos"), {}
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    for model in builtin_models(names, n_individuals=2):
        cell = build_cell(model, kinetics="nmodl")
        current = next(step for step in (0.1, 0.15, 0.2, 0.3, 0.4, 0.6) if len(crossings(simulate(cell, step)[0])) > 3)
        potential, membrane = simulate(cell, current, with_currents=True)
        spike = crossings(potential)[-2]
        for radius_um in (20.0, 30.0, 40.0):
            ring = radius_um * np.stack([np.cos(angles), 0.5 * np.sin(angles), 0.87 * np.sin(angles)], axis=1)
            traces = sosfiltfilt(band, transfer_matrix(cell.geometry(), ring) @ membrane, axis=1)
            traces = traces[:, spike - 40:spike + 90]
            wave = resample(traces[traces.min(axis=1).argmin()], 8 * 130)
            trough = wave.argmin()
            found.setdefault(model.cell_type, []).append(wave[trough:trough + 8 * 45].argmax() / 240)
    return {name: float(np.median(widths)) for name, widths in found.items()}


def test_there_are_twelve_types_and_descriptions_can_be_pickled():
    models = builtin_models(n_individuals=2, seed=3)
    assert len(CELL_TYPES) >= 12 and len(models) == 2 * len(CELL_TYPES)
    assert len({model.name for model in models}) == len(models)
    assert pickle.loads(pickle.dumps(models)) == models
    assert {model.subclass for model in models} == {"pyramidal", "PV", "SST", "VIP", "NGC"}
    assert all(0 < model.rate_hz[0] < model.rate_hz[1] for model in models)


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="L9_PC"):
        builtin_models(["L9_PC"])
    model = builtin_models(["L23_PC"])[0]
    with pytest.raises(UserError, match="kinetics"):
        build_cell(model, kinetics="fast")
    with pytest.raises(UserError, match="nowhere"):
        build_cell(dataclasses.replace(model, source="nowhere"))


def test_individuals_have_their_own_densities():
    first, second = (draw_densities(CELL_TYPES["L5_TTPC"], np.random.default_rng(seed)) for seed in (1, 2))
    assert first["soma"]["nas"] != second["soma"]["nas"]
    ratios = [zones["soma"]["nas"] / zones["proximal"]["nas"] for zones in (first, second)]
    assert ratios[0] == pytest.approx(ratios[1])


@pytest.mark.neuron
def test_all_types_rest_and_fire_more_the_stronger_the_current():
    for name, (rest_mv, rates_hz) in in_fresh_process(rates_of_all_types).items():
        assert -85 < rest_mv < -60, name
        assert rates_hz[0] == 0, name
        assert rates_hz[-1] > 30, name
        assert np.all(np.diff(rates_hz) >= -5), (name, rates_hz)
        if CELL_TYPES[name].subclass == "PV":
            assert rates_hz[-1] > 200, name


@pytest.mark.neuron
def test_cells_without_a_compiler_fire_alike():
    model = builtin_models(["L4_LBC"])[0]
    lines, compiled, currents = in_fresh_process(one_spiking, model, "nmodl")
    other_lines, without, other_currents = in_fresh_process(one_spiking, model, "kschan")
    np.testing.assert_array_equal(lines["start_um"], other_lines["start_um"])
    first, other = crossings(compiled), crossings(without)
    assert len(first) > 5 and abs(len(first) - len(other)) <= 1
    assert abs(int(first[0]) - int(other[0])) <= 1
    np.testing.assert_allclose(without[:first[0]], compiled[:first[0]], atol=1.0)
    assert other_currents.shape == currents.shape == (len(lines["diameter_um"]), len(compiled))
    np.testing.assert_allclose(currents.sum(axis=0)[-100:], 0.4, atol=1e-6)


@pytest.mark.neuron
def test_geometry_follows_the_cell():
    lines, _, _ = in_fresh_process(one_spiking, builtin_models(["L5_TTPC"])[0], "nmodl")
    np.testing.assert_allclose(lines["start_um"][0] + lines["end_um"][0], 0, atol=1e-4)
    assert set(lines["region"]) == {0, 1, 2, 3}
    assert np.all(lines["diameter_um"] > 0)
    assert np.all(np.linalg.norm(lines["end_um"] - lines["start_um"], axis=1) > 1)


@pytest.mark.neuron
def test_fast_spiking_cells_are_narrow_and_pyramids_broad():
    widths = in_fresh_process(extracellular_widths, ["L23_PC", "L5_TTPC", "L4_LBC", "L5_NBC"])
    assert 0.5 <= widths["L23_PC"] <= 0.95 and 0.5 <= widths["L5_TTPC"] <= 0.95
    assert 0.15 <= widths["L4_LBC"] <= 0.45 and 0.15 <= widths["L5_NBC"] <= 0.45


@pytest.mark.neuron
@pytest.mark.parametrize("name", ["L23_BP", "L23_NGC"])
def test_thin_dendrites_have_segments_enough_for_the_amplitude(name):
    model = builtin_models([name])[0]
    (n_segments, ours_uv), step_na = in_fresh_process(spike_amplitude, model, 1, None)
    (n_more, full_uv), _ = in_fresh_process(spike_amplitude, model, 3, step_na)
    assert n_more == 3 * n_segments and 40 < n_segments < 150
    assert ours_uv == pytest.approx(full_uv, rel=0.08)
