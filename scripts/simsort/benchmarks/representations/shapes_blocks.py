"""Text and picture of the experiment on mean waveforms: `simsort.benchmarks.representations.shapes`."""

import numpy as np

from simsort.benchmarks.representations.shapes import FORM, MEASURES
from simsort.benchmarks.tables import markdown_table

SHOWN = ("CEED", "WaveMAP")
PUBLISHED = ("Published: CEED finds 4 clusters of 163 IBL units and 6 of WaveMAP's macaque units, WaveMAP itself 8 of its "
             "625 macaque units.")


def shapes_text(part: dict | None, with_pictures: bool) -> str:
    """Return the tables of `--parts wavemap`."""
    title = "**Mean waveforms clustered without labels: CEED's single-channel model beside WaveMAP**"
    if part is None:
        return f"{title}: not run."
    sets = ", ".join(f"{its['n']} {name} units" for name, its in part["by_set"].items())
    text = [f"{title}: {sets}; trained on {part['n_waveforms']} mean waveforms for {part['n_steps']} steps "
            f"({part['epochs']:.0f} epochs, {part['seconds'] / 60:.0f} minutes on {part['device']})"]
    text.append(PUBLISHED)
    if part["reason"]:
        text.append(f"Macaque units not run: {part['reason']}.")
    text += [markdown_table(["units", "clusters: CEED; WaveMAP; three measures", "agreement of", "ARI", "AMI"],
                            [row for name, its in part["by_set"].items() for row in agreement_rows(name, its)]),
             markdown_table(["units", "clusters by", *(f"{name}: share of its variance between clusters"
                                                       for name in MEASURES)],
                            [[name, way, *(f"{value:.2f}" for value in its["explained"][way])]
                             for name, its in part["by_set"].items() for way in its["explained"]])]
    for name, its in part["by_set"].items():
        for way in SHOWN:
            text.append(cluster_table(name, way, its))
    if with_pictures:
        text.append("![Clusters of mean waveforms](img/representations/wavemap.png)")
    return "\n\n".join(text)


def agreement_rows(name: str, its: dict) -> list[list[str]]:
    """Return how far the clusterings of a set agree."""
    counts = "; ".join(str(len(its["clusters"][way])) for way in its["clusters"])
    return [[*((name, counts) if not place else ("", "")), f"{first} and {second}", f"{ari:.2f}", f"{ami:.2f}"]
            for place, (first, second, ari, ami) in enumerate(its["agreement"])]


def cluster_table(name: str, way: str, its: dict) -> str:
    """Return size, measures and kinds of each cluster."""
    known = any(cluster["kinds"] for cluster in its["clusters"][way])
    rows = [[str(number + 1), str(cluster["n"]),
             *(f"{middle:.2f} ({low:.2f} to {high:.2f})" for low, middle, high in cluster["measures"]),
             *([", ".join(f"{kind} {n}" for kind, n in sorted(cluster["kinds"].items(), key=lambda one: -one[1]))]
               if known else [])] for number, cluster in enumerate(its["clusters"][way])]
    return f"Clusters of {name} units by {way}; median and quartiles\n\n" + markdown_table(
        ["cluster", "units", *MEASURES, *(["kinds"] if known else [])], rows)


def paint_shapes(plt, part: dict):
    """Draw for each set where units lie and what clusters look like, by CEED and by WaveMAP."""
    times_ms = (np.arange(FORM.n_samples) - FORM.n_before) * 1000 / FORM.sampling_frequency_hz
    figure, axes = plt.subplots(len(part["by_set"]), 4, figsize=(12, 3 * len(part["by_set"])), squeeze=False,
                                constrained_layout=True)
    for row, (name, its) in zip(axes, part["by_set"].items()):
        for place, way in enumerate(SHOWN):
            points, shapes = row[2 * place], row[2 * place + 1]
            colours = plt.get_cmap("tab20" if len(its["clusters"][way]) > 10 else "tab10")
            points.scatter(*np.array(its["points"][way]).T, c=[colours(label) for label in its["labels"][way]], s=4)
            points.set(xticks=[], yticks=[], title=f"{name}: {'UMAP' if place else 'embedding'}")
            for number, cluster in enumerate(its["clusters"][way]):
                shapes.plot(times_ms, cluster["mean"], color=colours(number), label=f"{number + 1}: {cluster['n']}")
            shapes.set(title=f"{way}: {len(its['clusters'][way])} clusters", xlabel="ms", ylim=(-1.05, 1.0))
            shapes.legend(fontsize=6, frameon=False, loc="upper right", ncols=2)
    return figure
