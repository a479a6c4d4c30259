"""sortingview's views, built from a curation page's data and the pictures.

Built here and not by SpikeInterface's widgets, whose sortingview backend ends with version 0.106.
"""

from pathlib import Path

import numpy as np
import sortingview.views as vv

from simsort.curation.choices import QUALITY, QUALITY_LABELS
from simsort.viewing.pack import Pack

MAIN_COLUMNS = ("num_spikes", "firing_rate", "snr", "amplitude_median", "isi_violations_ratio", "presence_ratio",
                "amplitude_cutoff")
TIMESERIES_KINDS = ("traces", "drift", "motion")


def timeseries_view(folder: Path, pictures: list[dict]):
    """Return tabs of raw and processed traces, drift map and motion; None without any."""
    items = [vv.TabLayoutItem(label=picture["title"], view=vv.Image(image_path=str(Path(folder) / picture["file"])))
             for picture in pictures if picture["kind"] in TIMESERIES_KINDS]
    return vv.TabLayout(items) if items else None


def sorting_summary_view(pack: Pack):
    """Return the curation view: table, plots, labels and merging; all metrics in a tab beside."""
    tables = vv.Splitter(
        vv.LayoutItem(units_table(pack, MAIN_COLUMNS), stretch=3),
        vv.LayoutItem(vv.SortingCuration2(label_choices=list(QUALITY_LABELS)), stretch=2), direction="vertical")
    plots = [("Waveforms", waveforms(pack)), ("Autocorrelograms", autocorrelograms(pack)),
             ("Cross-correlograms", crosscorrelograms(pack)), ("Amplitudes", amplitudes(pack)),
             ("Places", places(pack))]
    tabs = vv.TabLayout([vv.TabLayoutItem(label=label, view=view) for label, view in plots if view is not None]
                        or [vv.TabLayoutItem(label="Plots", view=vv.Markdown("Nothing to plot was computed."))])
    summary = vv.Splitter(vv.LayoutItem(tables, stretch=2), vv.LayoutItem(tabs, stretch=3), direction="horizontal")
    return vv.TabLayout([vv.TabLayoutItem(label="Sorting summary", view=summary),
                         vv.TabLayoutItem(label="Quality metrics",
                                          view=units_table(pack, tuple(pack.facts["columns"])))])


def units_table(pack: Pack, names: tuple[str, ...]):
    """Return the table of units with some metrics, the rule's verdict and the similarity of units."""
    known = [name for name in names if name in pack.facts["columns"]]
    said = pack.facts.get("automatic", [])
    columns = [vv.UnitsTableColumn(key="unitId", label="unit", dtype="int"),
               vv.UnitsTableColumn(key="rule", label="rule", dtype="int"),
               *(vv.UnitsTableColumn(key=one["name"], label=one["name"], dtype="int") for one in said),
               *(vv.UnitsTableColumn(key=name, label=name, dtype="float") for name in known)]
    metrics = dict(zip(pack.facts["columns"], pack.facts["metrics"], strict=True))
    rows = [vv.UnitsTableRow(unit_id=unit, values={"unitId": unit, "rule": pack.facts["verdicts"][i][0],
                                                  **{one["name"]: one["labels"][i] for one in said},
                                                  **{name: metrics[name][i] for name in known}})
            for i, unit in enumerate(pack.unit_ids)]
    scores = [vv.UnitSimilarityScore(unit_id1=pack.unit_ids[a], unit_id2=pack.unit_ids[b], similarity=float(s) / 255)
              for (first, second), s in zip(pack.arrays.get("similar", ()), pack.arrays.get("similarity", ()))
              for a, b in ((first, second), (second, first))]
    return vv.UnitsTable(columns=columns, rows=rows, similarity_scores=scores)


def waveforms(pack: Pack):
    """Return the mean waveforms, channels by samples."""
    if "templates" not in pack.arrays:
        return None
    templates = pack.arrays["templates"] * pack.arrays["template_scales"][:, None, None]
    channels = pack.arrays["template_channels"]
    items = [vv.AverageWaveformItem(unit_id=unit, channel_ids=[pack.facts["channel_ids"][c] for c in channels[i]],
                                    waveform=templates[i].T.astype("float32")) for i, unit in enumerate(pack.unit_ids)]
    return vv.AverageWaveforms(items, channel_locations=contacts(pack))


def contacts(pack: Pack) -> dict:
    """Return where each channel lies, for sortingview."""
    return {channel: place for channel, place in zip(pack.facts["channel_ids"],
                                                     pack.arrays["contacts_um"].astype("float32"))}


def edges_s(pack: Pack, n_bins: int) -> np.ndarray:
    """Return the edges of a correlogram's bins in seconds."""
    low, high = pack.facts["correlogram_ms"]
    return (np.linspace(low, high, n_bins + 1) / 1000).astype("float32")


def autocorrelograms(pack: Pack):
    """Return every unit's autocorrelogram."""
    counts = pack.arrays.get("autocorrelograms")
    if counts is None:
        return None
    return vv.Autocorrelograms([vv.AutocorrelogramItem(unit_id=unit, bin_edges_sec=edges_s(pack, len(row)),
                                                       bin_counts=row.astype("int32"))
                                for unit, row in zip(pack.unit_ids, counts, strict=True)])


def crosscorrelograms(pack: Pack):
    """Return the cross-correlograms of similar units; counts to the precision of the page's data."""
    if "pairs" not in pack.arrays or "similar" not in pack.arrays:
        return None
    similar = {tuple(pair) for pair in pack.arrays["similar"].tolist()}
    items = []
    for (first, second), row, largest in zip(pack.arrays["pairs"].tolist(), pack.arrays["pair_counts"],
                                             pack.arrays["pair_largest"], strict=True):
        if (first, second) in similar:
            counts = np.round(row / 255 * largest)
            for a, b, values in ((first, second, counts), (second, first, counts[::-1])):
                items.append(vv.CrossCorrelogramItem(unit_id1=pack.unit_ids[a], unit_id2=pack.unit_ids[b],
                                                     bin_edges_sec=edges_s(pack, len(row)),
                                                     bin_counts=values.astype("int32")))
    return vv.CrossCorrelograms(items, hide_unit_selector=True) if items else None


def amplitudes(pack: Pack):
    """Return spike amplitudes over time, as decimated on the page."""
    if "amplitudes" not in pack.arrays:
        return None
    total_s, starts = sum(pack.facts["durations_s"]), pack.arrays["amplitude_starts"].astype("int64")
    times_s = (pack.arrays["amplitude_times"] / 65536 * total_s).astype("float32")
    items = [vv.SpikeAmplitudesItem(unit_id=unit, spike_times_sec=times_s[a:b],
                                    spike_amplitudes=pack.arrays["amplitudes"][a:b])
             for unit, a, b in zip(pack.unit_ids, starts[:-1], starts[1:], strict=True)]
    return vv.SpikeAmplitudes(start_time_sec=0.0, end_time_sec=float(total_s), plots=items, hide_unit_selector=True)


def places(pack: Pack):
    """Return where each unit lies on the probe."""
    if "places_um" not in pack.arrays:
        return None
    items = [vv.UnitLocationsItem(unit_id=unit, x=float(x), y=float(y))
             for unit, (x, y) in zip(pack.unit_ids, pack.arrays["places_um"], strict=True)]
    return vv.UnitLocations(units=items, channel_locations=contacts(pack), disable_auto_rotate=True)


def initial_curation(curation: dict) -> dict:
    """Return a curation of format 2 in sortingview's form, for the view to start with."""
    labels = {str(entry["unit_id"]): entry["labels"][QUALITY] for entry in curation["manual_labels"]
              if entry["labels"].get(QUALITY)}
    return {"labelsByUnit": labels,
            "mergeGroups": [[str(u) for u in merge["unit_ids"]] for merge in curation["merges"]]}
