"""The block of docs/benchmarks.md on representations, and its pictures."""

from pathlib import Path

import numpy as np

from simsort.benchmarks.machine import made_on
from simsort.benchmarks.representations.conditions import CASE_SPIKES, OTHER_PARTS, SUBSET_FITS, TABLES
from simsort.benchmarks.representations.data import TESTED_SPIKES, UNSEEN_SEED
from simsort.benchmarks.representations.shapes_blocks import paint_shapes, shapes_text
from simsort.benchmarks.tables import markdown_table

NOT_RUN = "not run"
BOTH = ("ceed", "pca")
WITH_EPOCHS = "amount"  # the table whose rows differ in them after equal steps
MODEL_HEADER = ("set", "CEED: known K; automatic K (K found)", "denoised PCA", "K-nearest, CEED", "K-nearest, PCA")


def blocks_of(result: dict, *, with_pictures: bool = False) -> dict[str, str]:
    """Return the Markdown of everything, by block name; what was not run says so."""
    parts = result["parts"]
    text = [conditions(result)]
    for part, (title, rows) in TABLES.items():
        name = f"Table {part.upper()}" if part.startswith("s") and part[1:].isdigit() else "Also"
        header = ["", "set", "ARI, known K", "K-nearest", "ARI, automatic K (K found)", "steps", "CEED on IBL data"]
        kept = {(row["words"], row["on"]): row for row in parts.get(part, {}).get("rows", [])}
        with_epochs = part == WITH_EPOCHS and parts.get(part, {}).get("n_steps") is not None
        lines = [line_of(row.words, row.on, kept.get((row.words, row.on)), row.published, with_epochs) for row in rows]
        text.append(f"**{name}: {title}**\n\n" + markdown_table(header, lines))
    for part in OTHER_PARTS:
        text.append(WRITERS[part](parts.get(part), with_pictures))
        if part == "model":  # of other unseen recordings, each named by its seed
            text += [model_text(parts[name], with_pictures) for name in sorted(parts) if name.startswith("model_")]
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
    # of every unit 50 to 100 spikes are scored, every second of which is a known one
    neighbours = (f"K-nearest: as many neighbours as the unit with the fewest known spikes has, {TESTED_SPIKES // 4} to "
                  f"{TESTED_SPIKES // 2}; published 200.")
    return "\n\n".join([f"`{result['command']}`", made, neighbours, *(["\n".join(lines)] if lines else [])])


def line_of(words: str, on: str, kept: dict | None, published: str, with_epochs: bool = False) -> list[str]:
    """Return one line of a table."""
    if kept is None:
        return [words, on, NOT_RUN, NOT_RUN, NOT_RUN, "", published]
    scores = kept["scores"]
    aris = "; ".join(f"{one['ari']:.2f}±{one['ari_sd']:.2f}" for one in scores)
    if len(scores) > 1:
        aris += f" (mean {np.mean([one['ari'] for one in scores]):.3f})"
    automatic = "; ".join(f"{one['ari_automatic']:.2f} ({one['k']})" for one in scores)
    knn = "; ".join(f"{one['knn']:.2f}" for one in scores)
    steps = str(kept["facts"].get("n_steps", ""))
    if with_epochs and steps:
        steps += f", {kept['facts']['epochs']:.2g} epochs"
    return [words, on, aris, knn, automatic, steps, published]


def model_text(part: dict | None, with_pictures: bool) -> str:
    """Return the scores of trained weights on an unseen recording and on the units that they were trained on."""
    title = "**Shipped weights, table S9: an unseen recording with held-out types of cells among others**"
    if part is None:
        return f"{title}: {NOT_RUN}."
    seed = part.get("unseen_seed", UNSEEN_SEED)
    if seed != UNSEEN_SEED:
        return f"{title}, another one, of seed {seed}\n\n{sets_table(part['sets'])}"
    facts = part["facts"]
    trained = (f"`{part['architecture']}`, {facts['units']} units, {facts['spikes']} spikes, "
               f"{facts['steps_done']} steps, {facts['epochs_done']:g} epochs; published after 400: CEED 0.645, denoised "
               "PCA 0.472")
    return f"{title} ({trained})\n\n{sets_table(part['sets'])}\n\n{trained_units_text(part.get('trained_units'))}"


def trained_units_text(part: dict | None) -> str:
    """Return the scores of trained weights on spikes of what they were trained on."""
    title = "**Shipped weights in distribution: ten of the units that they were trained on, other spikes**"
    if part is None or "reason" in part:
        return f"{title}: {NOT_RUN}{': ' + part['reason'] if part else ''}."
    n_spikes = np.mean([one["n_spikes"] for one in part["sets"]])
    return (f"{title}, of the same recordings, which were simulated once more from the training's seed ({n_spikes:.0f} "
            f"spikes a set); published: CEED .82±.07, denoised PCA .43±.03\n\n{sets_table(part['sets'])}")


def sets_table(sets: list[dict]) -> str:
    """Return the scores of trained weights and of denoised components on sets, and their means."""
    means = [f"mean {np.mean([one[name]['ari'] for one in sets]):.3f}; "
             f"{np.mean([one[name]['ari_automatic'] for one in sets]):.3f}" for name in BOTH]
    knn = [f"{np.mean([one[name]['knn'] for one in sets]):.3f}" for name in BOTH]
    return markdown_table(list(MODEL_HEADER), [*([one["set"], *both_scores(one)] for one in sets),
                                               [f"all {len(sets)}", *means, *knn]])


def both_scores(one: dict) -> list[str]:
    """Return the cells of trained weights and of denoised components."""
    return [*(f"{one[name]['ari']:.2f}±{one[name]['ari_sd']:.2f}; {one[name]['ari_automatic']:.2f} ({one[name]['k']})"
              for name in BOTH), *(f"{one[name]['knn']:.2f}" for name in BOTH)]


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
    return f"{title}, CEED's MLP (published: SCAM), {SUBSET_FITS} fits each (published: 50)\n\n" + markdown_table(
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
                     *both_scores(case)])
    neighbours = f"K-nearest: half of the spikes of the unit with the fewest, at most {CASE_SPIKES // 2}"
    return f"{title}: ARI with known K; with automatic K (K found). {neighbours}\n\n" + markdown_table(
        ["", "units", "CEED", "denoised PCA", "K-nearest, CEED", "K-nearest, PCA"], rows)


def attention_text(part: dict | None, with_pictures: bool) -> str:
    """Return the times of SCAM's attention and of steps of its training."""
    title = "**SCAM's attention against dense masked attention**, at equal precision"
    if part is None:
        return f"{title}: {NOT_RUN}."
    tables = [f"{words}\n\n{times_of_ways(part[name])}" for name, words in (
        ("attention", f"Attention alone, forwards and backwards, {part['batch']} spikes"),
        ("steps", f"A whole step of the published SCAM, {part['step_batch']} spikes"))]
    return f"{title}, on {part['device']} ({part['threads']} threads)\n\n" + "\n\n".join(tables)


def times_of_ways(rows: list[dict]) -> str:
    """Return a table of three ways of attention."""
    return markdown_table(
        ["channels", "dense, plain (ms)", "dense, torch's kernel (ms)", "ours (ms)", "times faster than plain",
         "than the kernel"],
        [[str(row["n_channels"]), *(f"{1000 * row[way]:.3g}" for way in ("dense", "dense_kernel", "ours")),
          *(f"{row[way] / row['ours']:.1f}" for way in ("dense", "dense_kernel"))] for row in rows])


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
    """Draw two principal components of embeddings: a row for each change, a column for each probability."""
    colours, grid, probabilities = np.unique(part["unit"], return_inverse=True)[1], part["grid"], part["probabilities"]
    figure, axes = plt.subplots(len(grid), len(probabilities), figsize=(1.5 * len(probabilities), 1.4 * len(grid)),
                                constrained_layout=True, sharex=True, sharey=True, squeeze=False)
    for row, (name, its) in zip(axes, grid.items()):
        row[0].set_ylabel(name)
        for axis, points in zip(row, its):
            axis.scatter(*np.array(points).T, c=colours, cmap="tab10", s=2)
            axis.set(xticks=[], yticks=[])
    for axis, probability in zip(axes[0], probabilities):
        axis.set_title(f"p = {probability:g}" if probability else "as recorded", fontsize=9)
    figure.supxlabel("first principal component; upwards the second", fontsize=9)
    return figure
