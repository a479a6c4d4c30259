"""Labelled spikes out of a recording and its sorting, whether true, found or curated."""

import numpy as np

from simsort.ceed.spikes import LabelledSpikes
from simsort.ceed.windows import Windows, make_windows, measure_noise, shanks_of, spatial_roots, root_of
from simsort.errors import UserError
from simsort.models.ceed_form import CeedForm

CHUNK_S = 1.0
N_NOISE_CHUNKS = 12
SEARCH_MS = 0.5  # around a spike's time, for its trough
NOISE_STREAM, CHOICE_STREAM = 301, 302


def spikes_of(recording, sorting, main_channels: dict, form: CeedForm, *, spikes_per_unit: int, seed: int = 0,
              follow_spikes: bool = True, prefix: str = "") -> LabelledSpikes:
    """Cut spikes of every unit.

    Parameters
    ----------
    recording : spikeinterface.BaseRecording
        With contact positions, of one segment; it is band-passed and, if need be, resampled here.
    sorting : spikeinterface.BaseSorting
    main_channels : dict
        Index of the channel on which each unit is largest.
    form : CeedForm
    spikes_per_unit : int
        Most spikes of a unit, drawn at random.
    seed : int, default: 0
    follow_spikes : bool, default: True
        Cut each spike around the channel on which it is deepest itself, as a detector would; False: around its unit's.
    prefix : str, default: ""
        Of the units' names.

    Returns
    -------
    LabelledSpikes
        The spikes of a unit in random order.

    Raises
    ------
    UserError
        If recording and sorting are at different sampling rates, or contacts have no neighbours or no positions.
    """
    checked(recording, sorting)
    prepared = prepare(recording, form)
    windows = make_windows(recording.get_channel_locations()[:, :2], shanks_of(recording), form)
    rng = np.random.default_rng([seed, NOISE_STREAM])
    noise_uv, pieces = noise_of(prepared, rng)
    spatial, temporal = measure_noise(pieces, form)
    sample, unit = chosen_spikes(sorting, prepared, form, spikes_per_unit, seed)
    main = np.array([main_channels[unit_id] for unit_id in sorting.unit_ids], dtype=int)
    waveforms, row = cut(prepared, noise_uv, windows, form, sample, windows.row_of[main[unit]], follow_spikes)
    mixed = np.random.default_rng([seed, CHOICE_STREAM]).permutation(len(unit))
    return LabelledSpikes(
        form=form, waveforms=waveforms[mixed], unit=unit[mixed], recording=np.zeros(len(unit), dtype=np.int64),
        row=row[mixed], unit_names=np.array([f"{prefix}{unit_id}" for unit_id in sorting.unit_ids], dtype=str),
        snr=depths(waveforms, unit, len(main), form), is_there=windows.is_there, offsets_um=windows.offsets_um,
        spatial_roots=spatial_roots(spatial, windows, form),
        temporal_roots=root_of(temporal)[None].astype(np.float32))


def checked(recording, sorting) -> None:
    """Refuse what cannot be cut."""
    if abs(recording.sampling_frequency - sorting.sampling_frequency) > 1e-3 * recording.sampling_frequency:
        raise UserError(f"the recording is sampled at {recording.sampling_frequency:g} Hz, its sorting at "
                        f"{sorting.sampling_frequency:g} Hz", "give the sorting that was made of this recording")
    if recording.get_num_segments() != 1:
        raise UserError(f"the recording has {recording.get_num_segments()} segments", "give one with a single segment")
    if not recording.has_probe():
        raise UserError("the recording has no contact positions", "attach a probe to it (recording.set_probe)")


def prepare(recording, form: CeedForm):
    """Return the recording in the form's band, at its sampling rate, lazily."""
    from spikeinterface.preprocessing import bandpass_filter, resample

    low_hz, high_hz = form.band_hz
    high_hz = min(high_hz, 0.475 * recording.sampling_frequency)
    prepared = bandpass_filter(recording, freq_min=low_hz, freq_max=high_hz, dtype="float32")
    if abs(recording.sampling_frequency - form.sampling_frequency_hz) < 1e-3 * form.sampling_frequency_hz:
        return prepared
    return resample(prepared, round(form.sampling_frequency_hz))


def noise_of(prepared, rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return noise levels (n_channels,) and some pieces of traces (n_channels, n) in them."""
    size = round(CHUNK_S * prepared.sampling_frequency)
    starts = np.sort(rng.integers(0, max(prepared.get_num_samples() - size, 0) + 1, N_NOISE_CHUNKS))
    pieces = [prepared.get_traces(start_frame=int(start), end_frame=int(start) + size).T for start in starts]
    levels = np.median(np.abs(np.concatenate(pieces, axis=1)), axis=1) / 0.6745
    levels = np.where(levels > 0, levels, np.inf)  # a dead channel stays 0
    return levels, [piece / levels[:, None] for piece in pieces]


def chosen_spikes(sorting, prepared, form: CeedForm, most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sample, at the form's rate, and unit of some spikes of every unit, in the order of time."""
    rate = prepared.sampling_frequency / sorting.sampling_frequency
    edge = form.n_samples + round(SEARCH_MS * form.sampling_frequency_hz / 1000)
    samples, units = [], []
    for index, unit_id in enumerate(sorting.unit_ids):
        train = np.round(sorting.get_unit_spike_train(unit_id, segment_index=0) * rate).astype(np.int64)
        train = train[(train >= edge) & (train < prepared.get_num_samples() - edge)]
        rng = np.random.default_rng([seed, CHOICE_STREAM, index])
        samples.append(np.sort(rng.permutation(train)[:most]))
        units.append(np.full(len(samples[-1]), index, dtype=np.int64))
    sample, unit = np.concatenate(samples), np.concatenate(units)
    order = np.lexsort((unit, sample))
    return sample[order], unit[order]


def cut(prepared, noise: np.ndarray, windows: Windows, form: CeedForm, sample: np.ndarray, row: np.ndarray,
        follow_spikes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return waveforms (n, n_wide, n_samples) around troughs and the rows they are cut around; a second at a time."""
    size, n = round(CHUNK_S * prepared.sampling_frequency), len(sample)
    search = round(SEARCH_MS * form.sampling_frequency_hz / 1000)
    before, after = form.n_before + search, form.n_samples - form.n_before + search
    waveforms, rows = np.zeros((n, form.n_wide, form.n_samples), dtype=np.float32), np.zeros(n, dtype=np.int64)
    for chunk in np.unique(sample // size):
        its = np.flatnonzero(sample // size == chunk)
        first = max(int(sample[its[0]]) - before, 0)
        last = min(int(sample[its[-1]]) + after, prepared.get_num_samples())
        traces = prepared.get_traces(start_frame=first, end_frame=last).T / noise[:, None]
        at, rows[its] = troughs(traces, sample[its] - first, row[its], windows, form, search, follow_spikes)
        steps = at[:, None] + np.arange(form.n_samples) - form.n_before
        there = windows.is_there[rows[its]]
        waveforms[its] = traces[windows.channels[rows[its]][:, :, None], steps[:, None]] * there[:, :, None]
    return waveforms, rows


def troughs(traces: np.ndarray, at: np.ndarray, row: np.ndarray, windows: Windows, form: CeedForm, search: int,
            follow_spikes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return sample and row of the deepest trough near each spike: among its unit's neighbours, or on its channel."""
    reach = form.reach if follow_spikes else 0
    middle = form.n_wide // 2
    places = np.arange(middle - reach, middle + reach + 1)
    near = windows.channels[row][:, places]
    values = traces[near[:, :, None], at[:, None, None] + np.arange(-search, search + 1)]
    best = values.reshape(len(at), -1).argmin(axis=1)
    steps = 2 * search + 1
    channel = near[np.arange(len(at)), best // steps]
    return at + best % steps - search, windows.row_of[channel]


def depths(waveforms: np.ndarray, unit: np.ndarray, n_units: int, form: CeedForm) -> np.ndarray:
    """Return the depth (n_units,) of the trough of each unit's mean spike in noise levels, 0 without spikes."""
    middle = form.n_wide // 2
    return np.array([-waveforms[unit == one, middle].mean(axis=0).min() if (unit == one).any() else 0.0
                     for one in range(n_units)], dtype=np.float32)


def spikes_of_analyzer(folder, form: CeedForm, *, spikes_per_unit: int, seed: int = 0, only_good: bool = False,
                       follow_spikes: bool = True) -> LabelledSpikes:
    """Cut spikes of a sorting analyzer's units from its recording.

    Parameters
    ----------
    folder : Path
        Of a SpikeInterface SortingAnalyzer that finds its recording, for instance `postprocessed/<recording>.zarr`.
    form : CeedForm
    spikes_per_unit, seed, follow_spikes
        See `spikes_of`.
    only_good : bool, default: False
        Take only the units whose property `quality` is `good`.

    Raises
    ------
    UserError
        If it cannot be read, finds no recording, or has no unit that is asked for.
    """
    from pathlib import Path

    import spikeinterface as si

    if not Path(folder).exists():
        raise UserError(f"there is no sorting analyzer {folder}", "check the path")
    try:
        analyzer = si.load_sorting_analyzer(folder, load_extensions=False)
    except Exception as error:  # foreign or damaged folders raise many kinds
        raise UserError(f"{folder} cannot be read as a sorting analyzer ({type(error).__name__})",
                        "give a folder or zarr that SpikeInterface wrote") from None
    if not analyzer.has_recording() and not analyzer.has_temporary_recording():
        raise UserError(f"{folder} does not find its recording", "put the recording back where it was")
    sorting = analyzer.sorting
    if only_good:
        quality = sorting.get_property("quality")
        if quality is None:
            raise UserError(f"the units of {folder} have no property quality", "leave --only-good out")
        sorting = sorting.select_units(sorting.unit_ids[np.asarray(quality) == "good"])
    if not len(sorting.unit_ids):
        raise UserError(f"{folder} has no units{' labelled good' if only_good else ''}", "give another sorting")
    main = analyzer.get_main_channels(outputs="index", with_dict=True)
    return spikes_of(analyzer.recording, sorting, {unit: main[unit] for unit in sorting.unit_ids}, form,
                     spikes_per_unit=spikes_per_unit, seed=seed, follow_spikes=follow_spikes,
                     prefix=f"{Path(folder).stem}/")
