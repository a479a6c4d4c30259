"""All units at a glance: firing rates over time, and where metrics stand against the quality rule."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from simsort.curation.rule import Condition
from simsort.visualization.peaks import segment_offsets_s
from simsort.visualization.drift import mark_segments
from simsort.visualization.style import (BAD, FAINT, INK, LABEL_COLORS, LABEL_TEXTS, Picture, new_figure,
                                         save_figure)
from simsort.visualization.unit_data import Units

TIME_BINS = 300
SHORTEST_BIN_S = 1.0
MOST_UNIT_NAMES = 50
USUAL_METRICS = ("isi_violations_ratio", "presence_ratio", "amplitude_cutoff", "snr", "firing_rate",
                 "amplitude_median", "rp_contamination", "d_prime", "drift_ptp")
N_METRICS = 9
METRIC_UNITS = {"firing_rate": "Hz", "amplitude_median": "uV", "drift_ptp": "um", "drift_std": "um", "drift_mad": "um"}


def draw_rates(recording, units: Units, folder) -> Picture:
    """Draw the firing rate of every unit over time, sorted by depth, with population rate and mean rates.

    Parameters
    ----------
    recording : BaseRecording
        The preprocessed recording, for segments.
    units : Units
        At least one unit.
    folder : Path
        Where to write `firing_rates.png`.
    """
    duration_s = segment_offsets_s(recording)[-1]
    edges = np.linspace(0, duration_s, int(np.clip(duration_s / SHORTEST_BIN_S, 1, TIME_BINS)) + 1)
    order = units.by_depth()
    rates = binned_rates(recording, units, edges)[order]
    figure = new_figure(12.5, float(np.clip(3 + 0.12 * len(order), 5.5, 11)))
    axes = figure.subplots(2, 2, width_ratios=[5, 1], height_ratios=[1, 5], sharex="col", sharey="row")
    figure.suptitle(f"Firing rates of {len(order)} units", x=0.01, ha="left", fontweight="bold", fontsize=11)
    axes[0, 1].set_axis_off()
    axes[0, 0].stairs(rates.sum(axis=0), edges, fill=True, color=FAINT)
    axes[0, 0].set_ylabel("all units\n(spikes/s)")
    top = np.quantile(rates, 0.99) or 1.0
    image = axes[1, 0].imshow(rates, aspect="auto", origin="lower", cmap="magma_r", vmin=0, vmax=top,
                              extent=(edges[0], edges[-1], -0.5, len(order) - 0.5))
    figure.colorbar(image, ax=axes[1, 1], label="spikes/s", fraction=0.25)
    mark_segments(axes[1, 0], recording)
    ticks = np.arange(0, len(order), -(-len(order) // MOST_UNIT_NAMES))
    axes[1, 0].set_yticks(ticks, [f"unit {units.ids[order[t]]}" for t in ticks], fontsize=7)
    colors = [LABEL_COLORS[units.labels[units.ids[i]]] for i in order]
    axes[1, 1].barh(np.arange(len(order)), units.rates_hz()[order], color=colors, height=0.8)
    axes[1, 1].set_xlabel("mean (spikes/s)")
    axes[1, 1].tick_params(left=False)
    present = {units.labels[unit] for unit in units.ids}
    handles = [axes[1, 1].barh([0], [0], color=LABEL_COLORS[k], label=LABEL_TEXTS[k]) for k in LABEL_COLORS
               if k in present]
    axes[0, 1].legend(handles=handles, loc="center")
    return save_figure(figure, folder, Picture("firing_rates.png", "Firing rates over time", "units"))


def binned_rates(recording, units: Units, edges) -> np.ndarray:
    """Return spikes per second of each unit and time bin, shape (n_units, n_bins), one unit at a time."""
    offsets = segment_offsets_s(recording)
    rates = np.zeros((len(units.ids), len(edges) - 1), dtype="float32")
    sorting = units.analyzer.sorting
    for row, unit in enumerate(units.ids):
        for segment in range(sorting.get_num_segments()):
            train = sorting.get_unit_spike_train(unit_id=unit, segment_index=segment)
            times = train / sorting.sampling_frequency + offsets[segment]
            rates[row] += np.histogram(times, bins=edges)[0]
    return rates / np.diff(edges)


def draw_metrics(units: Units, folder, rule: tuple[Condition, ...]) -> Picture | None:
    """Draw histograms of metrics with the rule's thresholds; None if there are no metrics.

    Parameters
    ----------
    units : Units
        At least one unit.
    folder : Path
        Where to write `metrics.png`.
    rule : tuple of Condition
        The quality rule's conditions.
    """
    conditions = {condition.metric: condition for condition in rule}
    names = [name for name in dict.fromkeys([*conditions, *USUAL_METRICS]) if name in units.metrics][:N_METRICS]
    if not names:
        return None
    n_rows = -(-len(names) // 3)
    figure = new_figure(12.5, 2.9 * n_rows + 0.5)
    axes = figure.subplots(n_rows, 3, squeeze=False)
    figure.suptitle("Quality metrics" + (" and the rule's thresholds" if conditions else ""), x=0.01, ha="left",
                    fontweight="bold", fontsize=11)
    labels = np.array([units.labels[unit] for unit in units.ids])
    for axis, name in zip(axes.flat, names):
        draw_histogram(axis, name, units.metrics[name].to_numpy(dtype=float, na_value=np.nan), labels,
                       conditions.get(name))
    for axis in axes.flat[len(names):]:
        axis.set_axis_off()
    axes[0, 0].set_ylabel("units")
    handles, texts = axes.flat[0].get_legend_handles_labels()
    if len(handles) > 1 or (labels != "none").any():
        figure.legend(handles, texts, loc="outside lower center", ncols=len(handles))
    return save_figure(figure, folder, Picture("metrics.png", "Quality metrics", "units"))


def draw_histogram(axis, name, values, labels, condition):
    """Draw one metric, stacked by verdict, with its threshold and the count of units without a value."""
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    finite = np.isfinite(values)
    unknown = f", unknown for {np.sum(~finite)} of {len(values)}" if not finite.all() else ""
    unit = f" ({METRIC_UNITS[name]})" if name in METRIC_UNITS else ""
    axis.set_title(name + unit, fontsize=9)
    present = [label for label in LABEL_COLORS if (labels == label).any()]
    if finite.any():
        low, high = np.quantile(values[finite], [0, 0.99])
        if condition:  # the threshold belongs into the picture
            low, high = min(low, condition.threshold), max(high, condition.threshold)
        low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
        edges = np.linspace(low, high, 31)
        # The few beyond the axis are counted in its last bin rather than dropped.
        groups = [np.clip(values[finite & (labels == label)], low, high) for label in present]
        axis.hist(groups, bins=edges, stacked=True, color=[LABEL_COLORS[label] for label in present],
                  label=[LABEL_TEXTS[label] for label in present])
    if condition:
        axis.axvline(condition.threshold, color=INK, linestyle="--", linewidth=1.2)
        passing = np.sum([condition.holds(value) is True for value in values])
        axis.set_xlabel(f"{condition}: {passing} of {len(values)} units{unknown}", fontsize=8)
    else:
        axis.set_xlabel(unknown.lstrip(", "), fontsize=8, color=BAD if unknown else INK)
