"""The channels: compiled mechanisms and KSChan against the published equations and each other."""

import numpy as np
import pytest

from simsort.simulation.currents.process import in_fresh_process
from simsort.simulation.mechanisms.kschan import CHANNELS, linoid

CELSIUS = 37.0
POTENTIALS_MV = (-95.0, -70.0, -55.0, -38.0, -32.0, -20.0, 0.0, 25.0)


def settled_states(potentials_mv):
    """Return potential -> channel -> gate -> its value in the compiled mechanism, initialised at that potential."""
    from neuron import h

    from simsort.simulation.cells.builtin import load_nmodl

    load_nmodl(required=True)
    section = h.Section(name="patch")
    for channel in CHANNELS:
        section.insert(f"ss_{channel}")
    h.celsius = CELSIUS
    segment, found = section(0.5), {}
    for potential in potentials_mv:
        h.finitialize(potential)
        found[potential] = {channel: {gate.name: getattr(getattr(segment, f"ss_{channel}"), gate.name)
                                      for gate in form.gates}
                            for channel, form in CHANNELS.items()}
    return found


def relaxations(names_of, from_mv, to_mv, times_ms):
    """Return channel -> current (mA/cm2) at times after a voltage step, of compiled or KSChan channels."""
    from neuron import h

    from simsort.simulation.cells.builtin import load_nmodl, mechanism_names

    if names_of == "nmodl":
        load_nmodl(required=True)
    names = mechanism_names(names_of)
    h.load_file("stdrun.hoc")
    h.celsius, h.dt = CELSIUS, 0.005
    section = h.Section(name="patch")
    section.L = section.diam = 10
    clamp = h.SEClamp(section(0.5))
    clamp.rs, clamp.dur1, clamp.amp1, clamp.dur2, clamp.amp2 = 1e-4, 0.1, from_mv, 1e9, to_mv
    found = {}
    for channel, (name, conductance) in names.items():
        section.insert(name)
        for ion, reversal in (("na", 55.0), ("k", -90.0), ("ca", 120.0)):
            if CHANNELS[channel].ion == ion:
                setattr(section, f"e{ion}", reversal)
        if not CHANNELS[channel].ion and name.startswith("ks_"):
            setattr(section(0.5), f"e_{name}", CHANNELS[channel].reversal_mv)
        setattr(section(0.5), conductance, 1e-3)
        ion = CHANNELS[channel].ion
        current = h.Vector().record(getattr(section(0.5), f"_ref_i{ion}") if ion else clamp._ref_i)
        h.finitialize(from_mv)
        h.continuerun(0.1 + max(times_ms))
        samples = np.array(current)
        found[channel] = [float(samples[round((0.1 + time) / 0.005)]) for time in times_ms]
        setattr(section(0.5), conductance, 0.0)
    return found


@pytest.mark.neuron
def test_compiled_gates_settle_where_their_equations_say():
    for potential, channels in in_fresh_process(settled_states, POTENTIALS_MV).items():
        for channel, gates in channels.items():
            for gate in CHANNELS[channel].gates:
                expected, _ = gate.curves(np.array([potential]), CELSIUS)
                found = gates[gate.name]
                assert found == pytest.approx(expected[0], rel=2e-3, abs=1e-6), (channel, gate.name, potential)


@pytest.mark.neuron
@pytest.mark.parametrize("to_mv", [-40.0, 10.0])
def test_kschan_follows_the_compiled_channel(to_mv):
    times_ms = (0.1, 0.3, 1.0, 5.0)
    compiled = in_fresh_process(relaxations, "nmodl", -70.0, to_mv, times_ms)
    without = in_fresh_process(relaxations, "kschan", -70.0, to_mv, times_ms)
    for channel in CHANNELS:
        scale = np.abs(compiled[channel]).max()
        assert scale > 0
        np.testing.assert_allclose(without[channel], compiled[channel], atol=0.03 * scale, err_msg=channel)


@pytest.mark.neuron
def test_sodium_current_follows_its_equation_after_a_step():
    times_ms = np.array([0.1, 0.2, 0.5, 1.0])
    current = in_fresh_process(relaxations, "nmodl", -80.0, 0.0, tuple(times_ms))["nas"]
    gates = {}
    for gate in CHANNELS["nas"].gates:
        before, _ = gate.curves(np.array([-80.0]), CELSIUS)
        after, tau = gate.curves(np.array([0.0]), CELSIUS)
        gates[gate.name] = after + (before - after) * np.exp(-times_ms / tau)
    expected = 1e-3 * gates["m"] ** 3 * gates["h"] * (0.0 - 55.0)
    np.testing.assert_allclose(current, expected, atol=0.05 * np.abs(expected).max())


def test_rates_are_continuous_where_they_divide_zero_by_zero():
    near = np.array([-1e-5, -1e-9, 0.0, 1e-9, 1e-5])
    np.testing.assert_allclose(linoid(near, 6.0), 6.0, rtol=1e-5)


def test_steady_states_are_fractions_and_time_constants_positive():
    v = np.linspace(-120, 80, 801)
    for channel in CHANNELS.values():
        for gate in channel.gates:
            steady, tau = gate.curves(v, CELSIUS)
            assert np.all((steady >= 0) & (steady <= 1)) and np.all(tau > 0) and np.all(np.isfinite(tau))
