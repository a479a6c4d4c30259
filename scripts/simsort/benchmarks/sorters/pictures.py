"""Pictures of `simsort bench sorters`: accuracy against SNR, and accuracy by family."""

from pathlib import Path

import numpy as np

from simsort.benchmarks.sorters.blocks import KIND_NAMES, grouped
from simsort.benchmarks.sorters.figures import by_sorter, oracle_row, rows_of

COLOURS = {"simsort": "#d62728", "lupin": "#1f77b4", "kilosort4": "#2ca02c", "spykingcircus2": "#9467bd",
           "tridesclous2": "#8c564b", "mountainsort5": "#ff7f0e"}
N_COLUMNS = 4
SNR_EDGES = np.geomspace(1.5, 60, 10)


def draw_all(cases: list[dict], folder: Path) -> list[Path]:
    """Draw both pictures into a folder; return the files."""
    groups = grouped(cases)
    if not groups:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / "accuracy_snr.png", folder / "accuracy.png"]
    draw_snr(groups, files[0])
    draw_families(groups, files[1])
    return files


def draw_snr(groups: list, file: Path) -> None:
    """Draw the mean accuracy of units in bins of SNR, one panel per family and kind."""
    from matplotlib.figure import Figure

    n_columns = min(N_COLUMNS, len(groups))
    n_rows = -(-len(groups) // n_columns)
    figure = Figure(figsize=(max(3.2 * n_columns, 6.4), 0.5 + 2.6 * n_rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)).ravel()
    for axis, (family, kind, entries) in zip(axes, groups):
        lines = {"oracle": [unit for entry in entries for unit in entry["facts"]["oracle"]["units"]]}
        for entry in entries:
            for name, run in by_sorter(entry).items():
                if run["state"] == "done":
                    lines.setdefault(name, []).extend(run["scores"]["units"])
        for name, units in lines.items():
            style = {"color": "0.5", "linestyle": "--"} if name == "oracle" else {"color": COLOURS.get(name)}
            axis.plot(*binned(units), label=name, marker=".", linewidth=1, **style)
        axis.set(title=f"{family}, {KIND_NAMES[kind]}", xscale="log", ylim=(-0.02, 1.02))
        axis.title.set_fontsize(9)
    for axis in axes[len(groups):]:
        axis.axis("off")
    figure.supxlabel("SNR of the true unit")
    figure.supylabel("accuracy")
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels())}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=7, fontsize=8)
    figure.savefig(file, dpi=110)


def binned(units: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean SNR and the mean accuracy of the units in each bin that has any."""
    snr = np.array([unit["snr"] for unit in units], dtype=float)
    accuracy = np.array([unit["accuracy"] for unit in units])
    bins = np.digitize(snr, SNR_EDGES)
    used = np.unique(bins)
    return (np.array([snr[bins == at].mean() for at in used]), np.array([accuracy[bins == at].mean() for at in used]))


def draw_families(groups: list, file: Path) -> None:
    """Draw each sorter's accuracy by family and kind, with the oracle as a line above."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(6.4, 0.95 * len(groups)), 4), layout="constrained")
    axis = figure.subplots()
    used = {row["sorter"] for *_, entries in groups for row in rows_of(entries)}
    names = [name for name in COLOURS if name in used]
    width = 0.8 / max(1, len(names))
    for place, (_, _, entries) in enumerate(groups):
        accuracies = {row["sorter"]: row["accuracy"] for row in rows_of(entries)}
        for index, name in enumerate(names):
            axis.bar(place - 0.4 + (index + 0.5) * width, accuracies.get(name) or 0.0, width, color=COLOURS[name],
                     label=name if place == 0 else None)
        axis.plot([place - 0.42, place + 0.42], [oracle_row(entries)["accuracy"]] * 2, color="k", linestyle="--",
                  label="oracle" if place == 0 else None)
    labels = ["\n".join([*family.split("-"), KIND_NAMES[kind]]) for family, kind, _ in groups]
    axis.set_xticks(range(len(groups)), labels, fontsize=7)
    axis.set(ylabel="mean accuracy, units with SNR ≥ 3", ylim=(0, 1))
    axis.legend(fontsize=8, ncols=7, loc="upper center", bbox_to_anchor=(0.5, 1.12), frameon=False)
    figure.savefig(file, dpi=110)
