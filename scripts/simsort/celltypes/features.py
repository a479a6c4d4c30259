"""What is looked at to tell a unit's kind: shape without size, spread over the probe, firing.

Everything is measured in ms, um and Hz, so that it means the same on any probe and at any sampling rate.
"""

import numpy as np

RATE_HZ = 30000.0
HIGH_HZ = 6000.0
WINDOW_MS = (-0.8, 1.6)
STEP_MS = 1 / 15
SEARCH_MS = 0.5  # around the main trough, for those of other channels
REACH_UM = 150.0
SHARES = (0.5, 0.2)  # of the largest trough
HEARD = 0.15
BURST_MS = 8.0
FEWEST_INTERVALS = 30

SHAPE_TIMES_MS = np.arange(WINDOW_MS[0], WINDOW_MS[1] + 1e-9, STEP_MS)
NAMES = (*(f"shape at {time_ms:.2f} ms" for time_ms in SHAPE_TIMES_MS), "trough to peak (ms)", "half width (ms)",
         "peak ratio", "peak before", "value at 0.5 ms", "spread (um)",
         *(f"share of contacts above {share}" for share in SHARES), "height of the field's middle (um)",
         "delay up (ms per 100 um)", "delay with distance (ms per 100 um)",
         "trough to peak around (ms)", "contacts in reach (log)", "rate (log Hz)", "interval, median (log ms)",
         "interval, 5 % (log ms)", "local variation", "share of intervals in bursts")
N_FIRING = 5  # the last ones


def unit_features(waveform_uv: np.ndarray, contacts_um: np.ndarray, sampling_frequency_hz: float,
                  intervals_ms: np.ndarray, rate_hz: float) -> np.ndarray | None:
    """Return the features of one unit.

    Parameters
    ----------
    waveform_uv : array, (n_contacts, n_samples)
        Its mean spike, high-passed at 300 Hz, in any unit.
    contacts_um : array, (n_contacts, 2)
    sampling_frequency_hz : float
    intervals_ms : array, (n,)
        Between its spikes.
    rate_hz : float

    Returns
    -------
    features : array, (len(NAMES),) or None
        None where they do not mean anything: hardly any spikes, or a spike that is not negative-going.
    """
    if len(intervals_ms) < FEWEST_INTERVALS:
        return None
    waves = at_common_rate(np.asarray(waveform_uv, dtype=float), sampling_frequency_hz)
    main = int(waves.min(axis=1).argmin())
    trough = int(waves[main].argmin())
    depth = -waves[main, trough]
    before, after = round(0.2 * RATE_HZ / 1000), round(0.5 * RATE_HZ / 1000)
    if depth <= 0 or trough < before or trough + after >= waves.shape[1] or waves[main].max() > 1.2 * depth:
        return None
    waves = waves / depth
    return np.concatenate([shape_features(waves[main], trough), space_features(waves, contacts_um, main, trough),
                           firing_features(intervals_ms, rate_hz)]).astype(np.float32)


def at_common_rate(waves: np.ndarray, sampling_frequency_hz: float) -> np.ndarray:
    """Return waveforms (n_contacts, n) below 6 kHz at 30 kHz; outside they are taken as their ends."""
    from scipy.signal import butter, resample_poly, sosfiltfilt

    if abs(sampling_frequency_hz - RATE_HZ) > 1:
        from fractions import Fraction

        ratio = Fraction(RATE_HZ / sampling_frequency_hz).limit_denominator(100)
        waves = resample_poly(waves, ratio.numerator, ratio.denominator, axis=1, padtype="line")
    return sosfiltfilt(butter(3, HIGH_HZ, fs=RATE_HZ, output="sos"), waves, axis=1,
                       padlen=min(30, waves.shape[1] - 1))


def shape_features(wave: np.ndarray, trough: int) -> np.ndarray:
    """Return the largest channel's waveform, of depth 1, at given times, and what is usually measured on it."""
    times_ms = (np.arange(len(wave)) - trough) * 1000 / RATE_HZ
    return np.array([*np.interp(SHAPE_TIMES_MS, times_ms, wave), trough_to_peak_ms(wave, trough),
                     half_width_ms(wave, trough), wave[trough:].max(), wave[:trough + 1].max(),
                     np.interp(0.5, times_ms, wave)])


def trough_to_peak_ms(wave: np.ndarray, trough: int) -> float:
    """Return the time from the trough to the highest sample of the two ms after it."""
    return float(wave[trough:trough + round(2 * RATE_HZ / 1000)].argmax()) * 1000 / RATE_HZ


def half_width_ms(wave: np.ndarray, trough: int) -> float:
    """Return how long the waveform is below half its trough, between samples too."""
    half = wave[trough] / 2
    left, right = trough, trough
    while left > 0 and wave[left - 1] < half:
        left -= 1
    while right < len(wave) - 1 and wave[right + 1] < half:
        right += 1
    start = left - crossing(wave[left], wave[left - 1], half) if left > 0 else left
    end = right + crossing(wave[right], wave[right + 1], half) if right < len(wave) - 1 else right
    return float(end - start) * 1000 / RATE_HZ


def crossing(inside: float, outside: float, level: float) -> float:
    """Return where between two samples a level is crossed, 0 to 1."""
    return float((level - inside) / (outside - inside)) if outside != inside else 0.0


def space_features(waves: np.ndarray, contacts_um: np.ndarray, main: int, trough: int) -> np.ndarray:
    """Return how wide a spike is seen and how it travels; on one contact nothing is known and all is 0."""
    offset_um = np.asarray(contacts_um, dtype=float)[:, :2] - contacts_um[main, :2]
    distance_um = np.linalg.norm(offset_um, axis=1)
    near = np.flatnonzero(distance_um <= REACH_UM)
    reach = round(SEARCH_MS * RATE_HZ / 1000)
    first = max(trough - reach, 0)
    some = waves[near, first:trough + reach + 1]
    depth = np.maximum(-some.min(axis=1), 0.0)
    late_ms = (some.argmin(axis=1) + first - trough) * 1000 / RATE_HZ
    spread = np.sqrt((depth * distance_um[near] ** 2).sum() / depth.sum())
    middle = (depth * offset_um[near, 1]).sum() / depth.sum()
    heard = depth >= HEARD
    around = near[heard & (distance_um[near] > 0)]
    mean = (waves[around] * depth[heard & (distance_um[near] > 0)][:, None]).sum(axis=0) if len(around) else waves[main]
    return np.array([
        spread, *((depth > share).mean() for share in SHARES), middle,
        slope(offset_um[near, 1][heard], late_ms[heard], depth[heard]),
        slope(distance_um[near][heard], late_ms[heard], depth[heard]), trough_to_peak_ms(mean, int(mean.argmin())),
        np.log(len(near))])


def slope(place_um: np.ndarray, late_ms: np.ndarray, weight: np.ndarray) -> float:
    """Return the weighted slope in ms per 100 um, 0 where there are fewer than three places."""
    if len(np.unique(place_um)) < 3:
        return 0.0
    weight = weight / weight.sum()
    centred = place_um - (weight * place_um).sum()
    return float(100 * (weight * centred * late_ms).sum() / (weight * centred**2).sum())


def firing_features(intervals_ms: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return rate, two intervals, local variation (Shinomoto et al. 2009) and the share of bursts."""
    intervals_ms = np.maximum(np.asarray(intervals_ms, dtype=float), 0.1)
    one, other = intervals_ms[:-1], intervals_ms[1:]
    return np.array([np.log10(max(rate_hz, 1e-3)), np.log10(np.median(intervals_ms)),
                     np.log10(np.quantile(intervals_ms, 0.05)), np.mean(3 * ((one - other) / (one + other)) ** 2),
                     np.mean(intervals_ms < BURST_MS)])
