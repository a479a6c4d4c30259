"""The block of docs/benchmarks.md on representations, and its pictures."""

from pathlib import Path

import numpy as np

from simsort.benchmarks.machine import made_on
from simsort.benchmarks.representations.conditions import OTHER_PARTS, TABLES
from simsort.benchmarks.representations.shapes_blocks import paint_shapes, shapes_text
from simsort.benchmarks.tables import markdown_table

NOT_RUN = "not run"


def blocks_of(result: dict, *, with_pictures: bool = False) -> dict[str, str]:
    """Return the Markdown of everything, by block name; what was not run says so."""
    parts = result["parts"]
    text = [conditions(result)]
    for part, (title, rows) in TABLES.items():
        name = f"Table {part.upper()}" if part.startswith("s") and part[1:].isdigit() else "Also"
        header = ["", "set", "ARI, known K", "K-nearest", "ARI, automatic K (K found)", "steps", "CEED on IBL data"]
        kept = {(row["words"], row["on"]): row for row in parts.get(part, {}).get("rows", [])}
        lines = [line_of(row.words, row.on, kept.get((row.words, row.on)), row.published) for row in rows]
        text.append(f"**{name}: {title}**\n\n" + markdown_table(header, lines))
    for part in OTHER_PARTS:
        text.append(WRITERS[part](parts.get(part), with_pictures))
    return {"representations": "\n\n".join(text)}


def conditions(result: dict) -> str:
    """Return command, machine, data and sets."""
    parts = result["parts"]
    amounts = sorted({(part["n_units"], part["n_steps"] or 0) for name, part in parts.items() if name in TABLES})
    words = "; ".join(f"{units} units, {f'{steps} steps' if steps else 'the published 400 epochs'}"
                      for units, steps in amounts)
    sets = next((part["sets"] for part in parts.values() if isinstance(part.get("sets"), dict)), {})
    lines = [f"- {one}" for its in sets.values() for one in its]
    made = f"{made_on(result['machine'])}. Trained for the tables: {words or 'nothing'}."
    return "\n\n".join([f"`{result['command']}`", made, *(["\n".join(lines)] if lines else [])])


def line_of(words: str, on: str, kept: dict | None, published: str) -> list[str]:
    """Return one line of a table."""
    if kept is None:
        return [words, on, NOT_RUN, NOT_RUN, NOT_RUN, "", published]
    scores = kept["scores"]
    aris = "; ".join(f"{one['ari']:.2f}±{one['ari_sd']:.2f}" for one in scores)
    if len(scores) > 1:
        aris += f" (mean {np.mean([one['ari'] for one in scores]):.3f})"
    automatic = "; ".join(f"{one['ari_automatic']:.2f} ({one['k']})" for one in scores)
    knn = "; ".join(f"{one['knn']:.2f}" for one in scores)
    return [words, on, aris, knn, automatic, str(kept["facts"].get("n_steps", "")), published]


def model_text(part: dict | None, with_pictures: bool) -> str:
    """Return the scores of trained weights."""
    title = "**Shipped weights, table S9: an unseen recording with held-out types of cells among others**"
    if part is None:
        return f"{title}: {NOT_RUN}."
    rows = [[one["set"], *(f"{one[name]['ari']:.2f}±{one[name]['ari_sd']:.2f}; {one[name]['ari_automatic']:.2f} "
                           f"({one[name]['k']})" for name in ("ceed", "pca")), *(f"{one[name]['knn']:.2f}"
                                                                              for name in ("ceed", "pca"))]
            for one in part["sets"]]
    means = [f"mean {np.mean([one[name]['ari'] for one in part['sets']]):.3f}; "
             f"{np.mean([one[name]['ari_automatic'] for one in part['sets']]):.3f}" for name in ("ceed", "pca")]
    knn = [f"{np.mean([one[name]['knn'] for one in part['sets']]):.3f}" for name in ("ceed", "pca")]
    facts = part["facts"]
    table = markdown_table(["set", "CEED: known K; automatic K (K found)", "denoised PCA", "K-nearest, CEED",
                            "K-nearest, PCA"], [*rows, ["all six", *means, *knn]])
    trained = (f"`{part['architecture']}`, {facts['units']} units, {facts['spikes']} spikes, "
               f"{facts['steps_done']} steps, {facts['epochs_done']:g} epochs; published after 400: CEED 0.645, denoised "
               "PCA 0.472")
    return f"{title} ({trained})\n\n{table}"


def times_text(part: dict | None, with_pictures: bool) -> str:
    """Return table S6."""
    title = "**Table S6: seconds of an epoch**"
    if part is None:
        return f"{title}: {NOT_RUN}."
    names = ("scam", "mlp")
    rows = [[row["words"], *(f"{row[name]:.0f}" for name in names),
             *(str(row["published"][name] or "-") for name in names)] for row in part["rows"]]
    return f"{title}, from a few steps on {part['device']}\n\n" + markdown_table(
        ["", "SCAM", "MLP", "SCAM, 16 V100, published", "MLP, 1 V100, published"], rows)


def subsets_text(part: dict | None, with_pictures: bool) -> str:
    """Return figure S4."""
    title = "**Figure S4: random subsets of units**"
    if part is None:
        return f"{title}: {NOT_RUN}."
    rows = []
    for size, pairs in part["subsets"].items():
        ours, pca = np.array(pairs).T
        rows.append([size, str(len(pairs)), *(f"{its.mean():.3f}±{its.std():.3f}" for its in (ours, pca)),
                     f"{100 * (ours > pca).mean():.0f} %"])
    picture = "\n\n![ARI of random subsets](img/representations/subsets.png)" if with_pictures else ""
    return f"{title}, CEED's MLP (published: SCAM)\n\n" + markdown_table(
        ["units", "seeds", "CEED", "denoised PCA", "CEED better"], rows) + picture


def changes_text(part: dict | None, with_pictures: bool) -> str:
    """Return figure S5."""
    title = "**Figure S5: embeddings under changes**"
    if part is None:
        return f"{title}: {NOT_RUN}."
    rows = [[name, *(f"{value:.2f}" for value in values)] for name, values in part["moved"].items()]
    picture = "\n\n![Embeddings before and after changes](img/representations/changes.png)" if with_pictures else ""
    return (f"{title}: how far spikes of the in-distribution set move, relative to the distance between units\n\n"
            + markdown_table(["change", *(f"p = {value:g}" for value in part["probabilities"])], rows) + picture)


def cases_text(part: dict | None, with_pictures: bool) -> str:
    """Return the table of other generators' recordings."""
    title = "**Shipped weights on recordings of other generators**"
    if part is None:
        return f"{title}: {NOT_RUN}."
    rows = []
    for case in part["cases"]:
        if "reason" in case:
            rows.append([case["words"], "", f"{NOT_RUN}: {case['reason']}", "", "", ""])
            continue
        rows.append([case["words"], f"{case['n_units']}, SNR {case['snr'][0]:.1f} to {case['snr'][1]:.1f}",
                     *(f"{case[name]['ari']:.2f}±{case[name]['ari_sd']:.2f}; {case[name]['ari_automatic']:.2f} "
                       f"({case[name]['k']})" for name in ("ceed", "pca")), *(f"{case[name]['knn']:.2f}"
                                                                              for name in ("ceed", "pca"))])
    return f"{title}: ARI with known K; with automatic K (K found)\n\n" + markdown_table(
        ["", "units", "CEED", "denoised PCA", "K-nearest, CEED", "K-nearest, PCA"], rows)


def attention_text(part: dict | None, with_pictures: bool) -> str:
    """Return the times of SCAM's attention."""
    title = "**SCAM's attention against dense masked attention**, forwards and backwards at equal precision"
    if part is None:
        return f"{title}: {NOT_RUN}."
    rows = [[str(row["n_channels"]), f"{1000 * row['dense']:.0f}", f"{1000 * row['ours']:.0f}",
             f"{row['dense'] / row['ours']:.1f}"] for row in part["attention"]]
    table = markdown_table(["channels", "dense (ms)", "ours (ms)", "times faster"], rows)
    return f"{title}, on {part['device']} ({part['threads']} threads)\n\n{table}"


WRITERS = {"model": model_text, "s6": times_text, "subsets": subsets_text, "changes": changes_text, "cases": cases_text,
           "attention": attention_text, "wavemap": shapes_text}


def draw(result: dict, folder: Path) -> list[Path]:
    """Draw what has pictures; return the files."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    files = []
    for name, paint in (("subsets", paint_subsets), ("changes", paint_changes), ("wavemap", paint_shapes)):
        if name in result["parts"]:
            figure = paint(plt, result["parts"][name])
            folder.mkdir(parents=True, exist_ok=True)
            files.append(folder / f"{name}.png")
            figure.savefig(files[-1], dpi=110)
            plt.close(figure)
    return files


def paint_subsets(plt, part: dict):
    """Draw the scores of subsets side by side."""
    figure, axis = plt.subplots(figsize=(5, 3.2), constrained_layout=True)
    for place, (size, pairs) in enumerate(part["subsets"].items()):
        boxes = axis.boxplot(np.array(pairs), positions=[3 * place, 3 * place + 1], widths=0.7, patch_artist=True)
        for colour, box in enumerate(boxes["boxes"]):
            box.set_facecolor(f"C{colour}")
    axis.set(xticks=[3 * place + 0.5 for place in range(len(part["subsets"]))], xticklabels=list(part["subsets"]),
             xlabel="units", ylabel="ARI, known K", ylim=(0, 1.02))
    for colour, words in enumerate(("CEED, MLP", "denoised PCA")):
        axis.plot([], [], "s", color=f"C{colour}", label=words)
    axis.legend(frameon=False, fontsize=8)
    return figure


def paint_changes(plt, part: dict):
    """Draw two principal components of embeddings before and after each change."""
    unit, points = np.array(part["unit"]), part["points"]
    figure, axes = plt.subplots(2, 3, figsize=(9, 5.6), constrained_layout=True, sharex=True, sharey=True)
    for axis, (name, its) in zip(axes.flat, points.items()):
        its = np.array(its)
        axis.scatter(its[:, 0], its[:, 1], c=np.unique(unit, return_inverse=True)[1], cmap="tab10", s=3)
        axis.set_title("as recorded" if name == "none" else f"{name}, always", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("first component")
    for axis in axes[:, 0]:
        axis.set_ylabel("second component")
    return figure
