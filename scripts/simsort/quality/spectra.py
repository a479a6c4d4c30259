"""Noise levels and power spectra of sampled stretches, and the mains in them."""

import dataclasses

import numpy as np
from scipy.signal import welch

RESOLUTION_HZ = 1.0  # of the spectra: stretches of a second
HARMONICS_UP_TO_HZ = 1000.0
MAINS_HZ = (50.0, 60.0)
NEIGHBOURS_HZ = (3.0, 10.0)  # the mains is compared with the spectrum this far on both sides
KEPT_POINTS = 400  # of a spectrum, for pictures


@dataclasses.dataclass
class Spectra:
    """Sums over stretches of one second.

    Attributes
    ----------
    frequencies_hz : np.ndarray, shape (n_frequencies,)
    power : np.ndarray, shape (n_channels, n_frequencies)
        Mean power spectral density, uV^2/Hz (or the recording's units squared).
    noise : np.ndarray, shape (n_channels,)
        Median over the stretches of the median absolute deviation / 0.6745, uV.
    rms : np.ndarray, shape (n_channels,)
        Root mean square about the mean of each stretch, uV.
    n_stretches : int
        How many there were.
    """

    frequencies_hz: np.ndarray
    power: np.ndarray
    noise: np.ndarray
    rms: np.ndarray
    n_stretches: int


def measure_spectra(recording, n_chunks: int) -> Spectra:
    """Measure noise and spectra in stretches spread evenly over a recording; one is in memory at a time.

    Parameters
    ----------
    recording : BaseRecording
        Raw or preprocessed.
    n_chunks : int
        Most stretches of one second.
    """
    fs, scaled = recording.get_sampling_frequency(), recording.has_scaleable_traces()
    n_samples = int(fs / RESOLUTION_HZ)
    power, squares, deviations, frequencies = 0.0, 0.0, [], np.zeros(0)
    places = stretches(recording, n_samples, n_chunks)
    step = 0.0
    if recording.get_dtype().kind in "iu":
        step = recording.get_channel_gains().astype("float32") if scaled else 1.0
    for segment_index, start, end in places:
        traces = recording.get_traces(segment_index=segment_index, start_frame=start, end_frame=end,
                                      return_in_uV=scaled).astype("float32")
        traces -= traces.mean(axis=0)
        deviations.append(noise_level(traces, step, np.random.default_rng(start)))
        squares = squares + traces.var(axis=0)
        frequencies, density = welch(traces, fs=fs, nperseg=end - start, axis=0)
        power = power + density.T
    n = len(places)
    return Spectra(frequencies, np.asarray(power) / n, np.median(deviations, axis=0), np.sqrt(squares / n), n)


def noise_level(traces: np.ndarray, step, rng) -> np.ndarray:
    """Return the median absolute deviation / 0.6745 of each channel.

    Parameters
    ----------
    traces : np.ndarray, shape (n_samples, n_channels)
        One stretch.
    step : float | np.ndarray, shape (n_channels,)
        One step of the converter. Noise of this size is spread over the steps first, or its median could only be a
        multiple of them.
    rng : np.random.Generator
        Where that spread is drawn from.
    """
    spread = rng.random(traces.shape, dtype="float32")
    spread -= 0.5
    spread *= step
    spread += traces
    return np.median(np.abs(spread - np.median(spread, axis=0)), axis=0) / 0.6745


def stretches(recording, n_samples: int, most: int) -> list[tuple[int, int, int]]:
    """Return (segment, start, end) of at most `most` stretches of equal length, spread over all segments."""
    shortest = min(recording.get_num_samples(i) for i in range(recording.get_num_segments()))
    n_samples = min(n_samples, shortest)
    every = [(segment, start, start + n_samples) for segment in range(recording.get_num_segments())
             for start in range(0, recording.get_num_samples(segment) - n_samples + 1, n_samples)]
    chosen = np.unique(np.linspace(0, len(every) - 1, min(most, len(every))).astype(int))
    return [every[place] for place in chosen]


def line_noise(spectra: Spectra, mains_hz: float | None) -> dict:
    """Measure how far the mains and its harmonics stand out.

    Parameters
    ----------
    spectra : Spectra
        Of raw or preprocessed signals.
    mains_hz : float | None
        Frequency of the mains; None: the stronger of 50 and 60 Hz.

    Returns
    -------
    found : dict
        `excess_db`: median over the channels of the strongest line's power over that of its neighbourhood;
        `frequency_hz`: that line; `mains_hz`; `lines`: {frequency: dB}.
    """
    results = [one_mains(spectra, candidate) for candidate in ([mains_hz] if mains_hz else MAINS_HZ)]
    return max(results, key=lambda result: result["fundamental_db"])


def one_mains(spectra: Spectra, mains_hz: float) -> dict:
    """Measure one frequency of the mains with its harmonics."""
    lines = {}
    for line_hz in np.arange(mains_hz, min(HARMONICS_UP_TO_HZ, spectra.frequencies_hz[-1]), mains_hz):
        away = np.abs(spectra.frequencies_hz - line_hz)
        around = (away >= NEIGHBOURS_HZ[0]) & (away <= NEIGHBOURS_HZ[1])
        on = away <= RESOLUTION_HZ
        if on.any() and around.any():
            usual = np.median(spectra.power[:, around], axis=1)
            ratio = spectra.power[:, on].max(axis=1) / np.maximum(usual, np.finfo("float32").tiny)
            lines[float(line_hz)] = float(10 * np.log10(max(np.median(ratio), 1e-12)))
    if not lines:
        return {"excess_db": None, "frequency_hz": None, "mains_hz": mains_hz, "lines": {}, "fundamental_db": -np.inf}
    strongest = max(lines, key=lines.get)
    return {"excess_db": lines[strongest], "frequency_hz": strongest, "mains_hz": mains_hz, "lines": lines,
            "fundamental_db": lines[min(lines)]}


def thinned(spectra: Spectra) -> tuple[np.ndarray, np.ndarray]:
    """Return the spectra at about `KEPT_POINTS` frequencies, logarithmically spaced: (frequencies, power)."""
    frequencies = spectra.frequencies_hz
    if frequencies.size < 3:
        return frequencies, spectra.power
    # bins of at least one frequency; the largest of each bin is kept, so that lines stay visible
    edges = np.unique(np.geomspace(1, frequencies.size, KEPT_POINTS).astype(int))
    edges = edges[edges < frequencies.size]
    return frequencies[edges], np.maximum.reduceat(spectra.power, edges, axis=1)
