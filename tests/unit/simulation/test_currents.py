"""Membrane currents in chunks."""

import numpy as np
import pytest
from ball_and_stick import build
from hypothesis import given
from hypothesis import strategies as st

from simsort.simulation.currents.process import in_fresh_process
from simsort.simulation.currents.run import CellRun, run_cell
from simsort.simulation.currents.spikes import SpikeDetector
from simsort.simulation.drive.conductances import Conductances, ConductanceSettings
from simsort.simulation.drive.pink_noise import PinkNoiseCurrent


def run(kind, chunk_s):
    drive = Conductances(ConductanceSettings(excitation_us=0.04, burst_rate_hz=3), [1]) if kind == "conductances" else \
        PinkNoiseCurrent(0.3, [1])
    detector = SpikeDetector(-20.0, 1 / 30)
    chunks = list(run_cell(build(), drive, duration_s=0.7, chunk_s=chunk_s))
    assert [chunk.first_sample for chunk in chunks] == list(range(0, 21000, round(chunk_s * 30000)))
    spikes = np.concatenate([detector.times_ms(chunk.soma_v_mv) for chunk in chunks])
    return (np.concatenate([chunk.membrane_currents_na for chunk in chunks], axis=1),
            np.concatenate([chunk.soma_v_mv for chunk in chunks]), spikes)


@pytest.mark.neuron
@pytest.mark.parametrize("kind", ["conductances", "pink_noise"])
def test_chunks_are_the_same_bits_as_one_shot_and_currents_sum_to_zero(kind):
    currents, voltage, spikes = in_fresh_process(run, kind, 0.7)
    in_parts, voltage_in_parts, spikes_in_parts = in_fresh_process(run, kind, 0.13)
    assert currents.shape == (6, 21000) and voltage[0] == -65
    np.testing.assert_array_equal(currents, in_parts)
    np.testing.assert_array_equal(voltage, voltage_in_parts)
    np.testing.assert_array_equal(spikes, spikes_in_parts)
    assert len(spikes) > 0
    assert np.abs(currents.sum(axis=0)).max() < 1e-9 < np.abs(currents).max()


def advance(kind, lengths):
    synapses = ConductanceSettings(excitation_us=0.04)
    drive = Conductances(synapses, [1]) if kind == "conductances" else PinkNoiseCurrent(0.3, [1])
    run_of_cell = CellRun(build(), drive)
    return np.concatenate([run_of_cell.advance(n).membrane_currents_na for n in lengths], axis=1)


@pytest.mark.neuron
@pytest.mark.parametrize("kind", ["conductances", "pink_noise"])
def test_chunks_may_grow(kind):
    whole = in_fresh_process(advance, kind, [6000])
    np.testing.assert_array_equal(in_fresh_process(advance, kind, [1, 2, 1, 97, 1900, 5, 3994]), whole)
    assert np.abs(whole.sum(axis=0)).max() < 1e-9 < np.abs(whole).max()


@pytest.mark.neuron
def test_a_chunk_longer_than_announced_is_refused():
    with pytest.raises(ValueError, match="more than the 30000 announced"):
        in_fresh_process(advance, "pink_noise", [30001])


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 50))
def test_spikes_do_not_depend_on_chunks(lengths, seed):
    voltage = np.random.default_rng(seed).normal(-20, 10, sum(lengths))
    whole = SpikeDetector(-20.0, 0.5).times_ms(voltage)
    detector = SpikeDetector(-20.0, 0.5)
    parts = [detector.times_ms(part) for part in np.split(voltage, np.cumsum(lengths)[:-1])]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert np.all(np.diff(whole) >= 1.0)


def test_a_crossing_lies_between_its_samples():
    times = SpikeDetector(-20.0, 0.1).times_ms(np.array([-60.0, -30, 10, -60]))
    np.testing.assert_allclose(times, [0.1 * 1.25])


def test_a_run_that_starts_above_the_threshold_has_not_crossed_it():
    assert len(SpikeDetector(-20.0, 0.1).times_ms(np.array([0.0, -10, -60]))) == 0


def fail(text):
    raise ValueError(text)


def test_what_a_fresh_process_raises_is_raised_here():
    with pytest.raises(ValueError, match="broken"):
        in_fresh_process(fail, "broken")
