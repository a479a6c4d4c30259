"""The channels of the built-in cells without a compiler: NEURON's KSChan, filled from the .mod files' equations.

Each gate is a pair of functions of the potential (mV) and the temperature (degC): its steady state and its time
constant (ms). The papers are named in the .mod file of the same channel.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

TABLE_MV = (-120.0, 80.0)
TABLE_STEPS = 800
_REGISTERED: dict = {}  # the objects live as long as NEURON: without them its mechanisms have no tables
CHARGES = {"na": 1, "k": 1, "ca": 2}


@dataclass(frozen=True)
class Gate:
    """One gating variable: name, power, and `curves(v_mv, celsius) -> (steady state, time constant in ms)`."""

    name: str
    power: int
    curves: Callable


@dataclass(frozen=True)
class Channel:
    """A channel: its ion ("" for a non-specific current), its gates, and a reversal potential if no ion gives it."""

    ion: str
    gates: tuple
    reversal_mv: float | None = None


def linoid(x, y):
    """Return x / (1 - exp(-x / y)), continued through x = 0."""
    ratio = np.asarray(x, dtype=float) / y
    near = np.abs(ratio) < 1e-6
    return np.where(near, y * (1 + ratio / 2), x / -np.expm1(-np.where(near, 1.0, ratio)))


def _q(celsius: float, base: float = 2.3, reference: float = 21.0) -> float:
    return base ** ((celsius - reference) / 10)


def _from_rates(a, b, q):
    return a / (a + b), 1 / (a + b) / q


def _sodium_m(v_half: float) -> Callable:
    def curves(v, celsius):
        return _from_rates(0.182 * linoid(v + v_half, 6), 0.124 * linoid(-v - v_half, 6), _q(celsius))
    return curves


def _sodium_h(v_half: float) -> Callable:
    def curves(v, celsius):
        return _from_rates(0.015 * linoid(-v - v_half, 6), 0.015 * linoid(v + v_half, 6), _q(celsius))
    return curves


def _kv3(v, celsius):
    return 1 / (1 + np.exp(-(v - 18.7) / 9.7)), 4 / (1 + np.exp(-(v + 46.56) / 44.14)) / _q(celsius)


def _kv3f(v, celsius):
    return _from_rates(0.22 * np.exp((v + 16) / 26.5), 0.22 * np.exp(-(v + 16) / 26.5), _q(celsius, 2.7, 22))


def _kdr(v, celsius):
    return _from_rates(0.01 * linoid(v + 34, 10), 0.125 * np.exp(-(v + 44) / 80), 5.0)


def _kt_m(v, celsius):
    u = v + 10
    return 1 / (1 + np.exp(-u / 19)), (0.34 + 0.92 * np.exp(-(((u + 71) / 59) ** 2))) / _q(celsius)


def _kt_h(v, celsius):
    u = v + 10
    return 1 / (1 + np.exp((u + 66) / 10)), (8 + 49 * np.exp(-(((u + 73) / 23) ** 2))) / _q(celsius)


def _im(v, celsius):
    return _from_rates(3.3e-3 * np.exp(0.1 * (v + 35)), 3.3e-3 * np.exp(-0.1 * (v + 35)), _q(celsius))


def _ih(v, celsius):
    return _from_rates(0.00643 * linoid(-v - 154.9, 11.9), 0.193 * np.exp(v / 33.1), 1.0)


def _nap_m(v, celsius):
    rate = 0.182 * linoid(v + 38, 6) + 0.124 * linoid(-v - 38, 6)
    return 1 / (1 + np.exp(-(v + 52.6) / 4.6)), 6 / rate / _q(celsius)


def _nap_h(v, celsius):
    rate = 2.88e-6 * linoid(-v - 17, 4.63) + 6.94e-6 * linoid(v + 64.4, 2.63)
    return 1 / (1 + np.exp((v + 48.8) / 10)), 1 / rate / _q(celsius)


def _cat_m(v, celsius):
    return 1 / (1 + np.exp(-(v + 57) / 6.2)), np.full_like(v, 1 / _q(celsius, 3, 24), dtype=float)


def _cat_h(v, celsius):
    tau = 30.8 + (211.4 + np.exp((v + 113.2) / 5)) / (1 + np.exp((v + 84) / 3.2))
    return 1 / (1 + np.exp((v + 81) / 4)), tau / _q(celsius, 3, 24)


CHANNELS = {
    "nas": Channel("na", (Gate("m", 3, _sodium_m(32)), Gate("h", 1, _sodium_h(60)))),
    "naa": Channel("na", (Gate("m", 3, _sodium_m(38)), Gate("h", 1, _sodium_h(66)))),
    "kv3": Channel("k", (Gate("m", 1, _kv3),)),
    "kv3f": Channel("k", (Gate("m", 4, _kv3f),)),
    "kdr": Channel("k", (Gate("m", 4, _kdr),)),
    "kt": Channel("k", (Gate("m", 4, _kt_m), Gate("h", 1, _kt_h))),
    "im": Channel("k", (Gate("m", 1, _im),)),
    "ih": Channel("", (Gate("m", 1, _ih),), reversal_mv=-45.0),
    "nap": Channel("na", (Gate("m", 3, _nap_m), Gate("h", 1, _nap_h))),
    "cat": Channel("ca", (Gate("m", 2, _cat_m), Gate("h", 1, _cat_h))),
}


def nmodl_name(channel: str) -> str:
    """Return the name of a channel's compiled mechanism."""
    return f"ss_{channel}"


def kschan_name(channel: str, celsius: float) -> str:
    """Return the name of a channel's KSChan at a temperature (its tables hold for that one only)."""
    return f"ks_{channel}_{round(10 * celsius)}"


def make_kschan(channel: str, celsius: float) -> str:
    """Register one channel with NEURON as a KSChan and return its mechanism name.

    Parameters
    ----------
    channel : str
        A name of `CHANNELS`.
    celsius : float
        Temperature (degC) of the tables.

    Returns
    -------
    str
        The name to insert; the maximal conductance is `gmax_<name>` in S/cm2. Asking again gives the same one.
    """
    from neuron import h

    name = kschan_name(channel, celsius)
    if name in _REGISTERED:
        return name
    form = CHANNELS[channel]
    kschan = h.KSChan(0)
    kschan.name(name)
    if form.ion:
        h.ion_register(form.ion, CHARGES[form.ion])  # KSChan crashes on an ion that NEURON has not heard of
        kschan.ion(form.ion)
    v = np.linspace(*TABLE_MV, TABLE_STEPS + 1)
    for gate in form.gates:
        kschan.add_hhstate(gate.name).gate().power(gate.power)
        transition = kschan.trans(kschan.ntrans() - 1)
        transition.type(1)
        for which, curve in enumerate(gate.curves(v, celsius)):
            transition.set_f(which, 7, h.Vector(curve), *TABLE_MV)
    _REGISTERED[name] = kschan
    return name
