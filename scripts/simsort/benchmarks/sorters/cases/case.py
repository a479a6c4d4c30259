"""A recording with known spikes and with the templates they were made of."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np

from simsort.benchmarks.sorters.oracle import BAND_HZ, filter_templates, oracle_scores

GAIN_UV = 0.195  # of an Intan amplifier


@dataclasses.dataclass
class Case:
    """A recording with known spikes.

    Attributes
    ----------
    name : str
        `<family>_<static|drift>_seed<k>`.
    recording : BaseRecording
        In uV, with a probe, one segment.
    samples, labels : np.ndarray
        Sample and unit (0, 1, ...) of every true spike.
    templates : np.ndarray
        Waveforms as they stand in the recording, uV: units x steps x samples x channels.
    n_before : int
        Samples of a template before the spike's sample.
    steps : np.ndarray
        Displacement of each unit in each bin of time, as index into `templates`: bins x units.
    steps_hz : float
        Bins per second.
    background_samples, background_labels : np.ndarray
        True spikes of units that nobody is asked to find, where the generator knows them.
    facts : dict
        What else is worth knowing, for `case.json`.
    """

    name: str
    recording: object
    samples: np.ndarray
    labels: np.ndarray
    templates: np.ndarray
    n_before: int
    steps: np.ndarray
    steps_hz: float = 10.0
    background_samples: np.ndarray | None = None
    background_labels: np.ndarray | None = None
    facts: dict = dataclasses.field(default_factory=dict)

    @property
    def fs_hz(self) -> float:
        return float(self.recording.get_sampling_frequency())

    def steps_of(self, unit: int, samples: np.ndarray) -> np.ndarray:
        """Return the displacement of a unit at some samples."""
        bins = np.minimum((samples / self.fs_hz * self.steps_hz).astype("int64"), len(self.steps) - 1)
        return self.steps[bins, unit]

    def mean_templates(self) -> np.ndarray:
        """Return each unit's template averaged over its displacements in the recording: units x samples x channels."""
        n_steps = self.templates.shape[1]
        weights = np.stack([np.bincount(column, minlength=n_steps) for column in self.steps.T]) / len(self.steps)
        return np.einsum("us,ustc->utc", weights, self.templates)


def write_case(case: Case, folder: Path) -> dict:
    """Write a case: `recording`, `ground_truth`, `background` (if known) and `case.json`, with the oracle's scores.

    Returns
    -------
    facts : dict
        The content of `case.json`.
    """
    from spikeinterface import load

    folder = Path(folder)
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    to_int16(case.recording).save(folder=part / "recording", n_jobs=1, progress_bar=False, verbose=False)
    case.recording = load(part / "recording")
    keep_whole_spikes(case)
    align_to_peaks(case)
    noise_uv = noise_levels(case)
    snr, best_channels = signal_to_noise(case, noise_uv)
    truth = sorting_of(case.samples, case.labels, len(case.templates), case.fs_hz)
    truth.set_property("snr", snr)
    truth.set_property("best_channel", best_channels)
    truth.save(folder=part / "ground_truth")
    if case.background_samples is not None:
        background = sorting_of(case.background_samples, case.background_labels, None, case.fs_hz)
        background.save(folder=part / "background")
    facts = facts_of(case, truth, noise_uv) | {"oracle": oracle_scores(case, truth, noise_uv)}
    (part / "case.json").write_text(json.dumps(facts, indent=1) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return facts


def to_int16(recording):
    """Return a recording in uV as a 16-bit amplifier would store it."""
    from spikeinterface.preprocessing import astype, scale

    stored = astype(scale(recording, gain=1 / GAIN_UV, dtype="float32"), "int16", round=True)
    stored.set_channel_gains(GAIN_UV)
    stored.set_channel_offsets(0.0)
    return stored


def keep_whole_spikes(case: Case) -> None:
    """Drop spikes that are cut by an end of the recording, and sort the rest by time."""
    n_samples = case.recording.get_num_samples()
    whole = (case.samples >= case.templates.shape[2]) & (case.samples < n_samples - case.templates.shape[2])
    order = np.argsort(case.samples[whole], kind="stable")
    case.samples, case.labels = case.samples[whole][order], case.labels[whole][order]


def align_to_peaks(case: Case) -> None:
    """Put each unit's spike times onto the largest peak of its mean template, after the filter that sorters use."""
    filtered = filter_templates(case.mean_templates(), case.fs_hz)
    for unit, template in enumerate(filtered):
        channel = np.abs(template).max(axis=0).argmax()
        shift = int(np.abs(template[:, channel]).argmax()) - case.n_before
        case.samples[case.labels == unit] += shift
        case.templates[unit] = shifted(case.templates[unit], -shift)
    order = np.argsort(case.samples, kind="stable")
    case.samples, case.labels = case.samples[order], case.labels[order]


def shifted(template: np.ndarray, shift: int) -> np.ndarray:
    """Move a template (steps x samples x channels) along its samples, zeros following."""
    moved = np.zeros_like(template)
    source = slice(max(0, -shift), template.shape[1] - max(0, shift))
    moved[:, max(0, shift):template.shape[1] - max(0, -shift)] = template[:, source]
    return moved


def noise_levels(case: Case) -> np.ndarray:
    """Return the noise of each channel in the sorters' band, uV: 1.48 times the median absolute deviation."""
    from spikeinterface import get_noise_levels
    from spikeinterface.preprocessing import bandpass_filter

    band = bandpass_filter(case.recording, *BAND_HZ, dtype="float32")
    return get_noise_levels(band, return_in_uV=True, random_slices_kwargs=dict(seed=0), progress_bar=False)


def signal_to_noise(case: Case, noise_uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each unit's largest peak over the noise of its channel, and that channel, both in the sorters' band."""
    peaks = np.abs(filter_templates(case.mean_templates(), case.fs_hz)).max(axis=1) / noise_uv
    return peaks.max(axis=1), peaks.argmax(axis=1)


def sorting_of(samples: np.ndarray, labels: np.ndarray, n_units: int | None, fs_hz: float):
    """Return spikes as a sorting with units 0, 1, ..."""
    from spikeinterface import NumpySorting

    units = np.arange(n_units) if n_units is not None else np.unique(labels)
    return NumpySorting.from_samples_and_labels([samples], [labels], fs_hz, unit_ids=units)


def facts_of(case: Case, truth, noise_uv: np.ndarray) -> dict:
    """Return what `case.json` says of the recording and its units."""
    n_spikes = truth.count_num_spikes_per_unit(outputs="array")
    snr = truth.get_property("snr")
    return {
        "name": case.name, "duration_s": case.recording.get_total_duration(), "sampling_frequency_hz": case.fs_hz,
        "n_channels": case.recording.get_num_channels(), "n_units": truth.get_num_units(),
        "n_units_snr_3": int(np.sum(snr >= 3)), "noise_uv_median": float(np.median(noise_uv)),
        "n_spikes": int(n_spikes.sum()), "snr": [round(float(value), 2) for value in snr],
        "rate_hz": [round(float(n / case.recording.get_total_duration()), 2) for n in n_spikes], **case.facts}
