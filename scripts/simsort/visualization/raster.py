"""Spikes of all units over some seconds."""

import numpy as np

from simsort.visualization.style import LABEL_COLORS, Picture, new_figure, save_figure
from simsort.visualization.unit_data import Units

WINDOW_S = 10.0
MOST_UNIT_NAMES = 40


def draw_raster(recording, units: Units, folder) -> Picture:
    """Draw the spikes of every unit in the middle of the longest segment, units sorted by depth.

    Parameters
    ----------
    recording : BaseRecording
        The preprocessed recording, for segments.
    units : Units
        At least one unit.
    folder : Path
        Where to write `raster.png`.
    """
    rate_hz = recording.sampling_frequency
    segment = int(np.argmax([recording.get_num_samples(i) for i in range(recording.get_num_segments())]))
    n_samples = recording.get_num_samples(segment)
    n_shown = min(round(WINDOW_S * rate_hz), n_samples)
    start = (n_samples - n_shown) // 2
    order = units.by_depth()
    trains = [units.analyzer.sorting.get_unit_spike_train(
        unit_id=units.ids[index], segment_index=segment, start_frame=start, end_frame=start + n_shown) / rate_hz
        for index in order]
    figure = new_figure(12.5, float(np.clip(2 + 0.08 * len(order), 4, 10)))
    axis = figure.subplots()
    axis.eventplot(trains, lineoffsets=np.arange(len(order)), linelengths=0.8, linewidths=0.7,
                   colors=[LABEL_COLORS[units.labels[units.ids[index]]] for index in order])
    where = f", segment {segment}" if recording.get_num_segments() > 1 else ""
    axis.set_title(f"Spikes of {len(order)} units, the deepest below{where}")
    axis.set(xlabel="time (s)", xlim=(start / rate_hz, (start + n_shown) / rate_hz), ylim=(-0.6, len(order) - 0.4))
    ticks = np.arange(0, len(order), -(-len(order) // MOST_UNIT_NAMES))
    axis.set_yticks(ticks, [f"unit {units.ids[order[tick]]}" for tick in ticks], fontsize=7)
    return save_figure(figure, folder, Picture("raster.png", "Spike raster", "units"))
