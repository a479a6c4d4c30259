"""The tables and the picture of `simsort bench scaling`."""

from pathlib import Path

from simsort.benchmarks.machine import made_on
from simsort.benchmarks.scaling.main import DEFAULT_SIZE, ENDLESS
from simsort.benchmarks.tables import markdown_table

COLUMNS = (("detection_f1", "detection F1"), ("threshold_f1", "of a threshold"), ("ari_gmm", "ARI"),
           ("ari_gmm_pca", "of PCA"), ("accuracy", "nearest mean"), ("accuracy_pca", "of PCA"))
PANELS = (("detection_f1", "threshold_f1", "detection F1", "threshold"), ("ari_gmm", "ari_gmm_pca", "ARI", "PCA"))


def blocks_of(result: dict, *, with_pictures: bool = False) -> dict[str, str]:
    """Return the Markdown of everything kept, by block name, with the link to the picture if it lies beside it."""
    head = conditions(result)
    if with_pictures:
        head += "\n\n![Scores against the amount of data and the size of the networks](img/scaling.png)"
    blocks = {"scaling-conditions": head}
    for name, points, header, first in (("data", by_data(result), "recordings (spikes, minutes)", data_cell),
                                        ("size", by_size(result), "parameters of detector and encoder", size_cell)):
        if points:
            rows = [[first(point), *(f"{point['scores'][key]:.3f}" for key, _ in COLUMNS), f"{point['hours']:.2f}"]
                    for point in points]
            blocks[f"scaling-{name}"] = markdown_table([header, *(words for _, words in COLUMNS), "hours"], rows)
    return blocks


def by_data(result: dict) -> list[dict]:
    """Return the points of the default size by their amount of data."""
    points = [point for point in result["points"] if point["size"] == DEFAULT_SIZE]
    return sorted(points, key=lambda point: point["distinct_spikes"])


def by_size(result: dict) -> list[dict]:
    """Return the points with data without end by their size."""
    points = [point for point in result["points"] if point["n_recordings"] == ENDLESS]
    return sorted(points, key=lambda point: sum(point["n_parameters"].values()))


def data_cell(point: dict) -> str:
    """Return a point's amount of data in words."""
    return (f"{point['distinct_recordings']} ({point['distinct_spikes']:,}, {point['distinct_seconds'] / 60:.0f} min)"
            + ("" if point["n_recordings"] else ", none twice"))


def size_cell(point: dict) -> str:
    """Return a point's size in words."""
    return f"{point['size']}: {point['n_parameters']['detector']:,} and {point['n_parameters']['encoder']:,}"


def conditions(result: dict) -> str:
    """Return command, machine and steps."""
    steps = sorted({point["n_steps"] for point in result["points"]})
    return (f"`{result['command']}`\n\n{made_on(result['machine'])}. Every point is trained for "
            f"{' or '.join(map(str, steps))} steps and scored on held-out cells and probes.")


def draw(result: dict, file: Path) -> Path:
    """Draw scores against data and size."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), constrained_layout=True, sharey=True)
    spikes = [point["distinct_spikes"] for point in by_data(result)]
    sizes = [sum(point["n_parameters"].values()) for point in by_size(result)]
    for axis, points, amounts, label in ((axes[0], by_data(result), spikes, "different simulated spikes"),
                                         (axes[1], by_size(result), sizes, "parameters of both networks")):
        for colour, (ours, other, words, baseline) in enumerate(PANELS):
            for name, style, shown in ((ours, "-o", words), (other, ":", baseline)):
                values = [point["scores"][name] for point in points]
                axis.plot(amounts, values, style, ms=4, color=f"C{colour}", label=shown)
        axis.set(xlabel=label, xscale="log", ylim=(0, 1))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("held-out score")
    axes[0].legend(frameon=False, fontsize=8, loc="lower right")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    plt.close(figure)
    return file
