"""Make examples from simulated cells, fit the models of automatic labels, and score them on recordings left out."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from simsort.benchmarks.labels.fit import UNIT_METRICS, choose_and_fit, indices
from simsort.benchmarks.labels.like_sorters import like_sorters
from simsort.benchmarks.labels.scores import score, told
from simsort.benchmarks.labels.sorted_units import score_sorted, sorted_table
from simsort.benchmarks.tables import markdown_table
from simsort.errors import UserError
from simsort.labelling.automatic import SAME
from simsort.labelling.bombcell import bombcell_labels
from simsort.labelling.derived import with_derived
from simsort.labelling.pairs import FEATURES
from simsort.whole_files import write_whole

LABELS = ("noise", "MUA", "SUA")
PAIR_LABELS = ("different", SAME)
BOMBCELL = {"noise": "noise", "mua": "MUA", "good": "SUA", "non_soma": "SUA"}
HELD_OUT_EVERY = 3  # the first of so many recordings is only for the scores, and has cells of types of its own
LEAST_EXAMPLES = 50
OF_TRUTH = ["kind", "truth", "recording", "neuron", "precision", "recall", "explained"]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to fit.

    Attributes
    ----------
    out : Path
        Examples, kept, and the models `units.json` and `pairs.json`.
    cells : Path | None
        Folder with simulated cells; needed unless all examples are there.
    n_recordings : int
        Simulated recordings.
    command : str
        For the document.
    """

    out: Path
    cells: Path | None
    n_recordings: int
    command: str


def bench_labels(settings: Settings) -> dict:
    """Make what examples are missing, fit both models and write them.

    Returns
    -------
    result : dict
        Scores of `units`, `pairs` and `bombcell` on the recordings left out; `sorted` and `told`: see these functions;
        `n_fitted` and `n_scored` recordings, `n_examples` to fit on.

    Raises
    ------
    UserError
        Without cells, or with too few recordings to fit and score.
    """
    out = Path(settings.out)
    out.mkdir(parents=True, exist_ok=True)
    units, pairs = examples(settings, out)
    pairs = pairs.assign(same=pairs["same"].map({True: SAME, False: "different"}))
    about = {"command": settings.command,
             "fitted_on": "units like those of sorters in recordings simulated by simsort",
             "SUA": "90 % of the spikes are one neuron's",
             "noise": "less than 40 % of the spikes are those of any neuron nearby, beyond chance"}
    result = {"command": settings.command}
    for name, table, metrics, target, labels, said in (
            ("units", units, UNIT_METRICS, "truth", LABELS, about),
            ("pairs", pairs, FEATURES, "same", PAIR_LABELS,
             {"command": settings.command, "same": "most spikes of both are one neuron's"})):
        kept = is_held_out(table["recording"])
        if (~kept).sum() < LEAST_EXAMPLES or not kept.any():
            raise UserError(f"there are too few {name} to fit and score a model", "simulate more with --n-recordings")
        model = choose_and_fit(table[~kept], metrics, target, labels, said)
        result[name] = score_model(model, table[kept], target, labels)
        model.about["scores_on_recordings_left_out"] = result[name]
        (out / f"{name}.json").write_text(model.to_json())
        if name == "units":
            result["sorted"] = score_sorted(model, out)
            result["told"] = told(table[kept], model)
    kept = is_held_out(units["recording"])
    result["bombcell"] = score_bombcell(units[kept])
    result |= {"n_fitted": int(units[~kept]["recording"].nunique()),
               "n_scored": int(units[kept]["recording"].nunique()),
               "n_examples": {"units": int((~kept).sum()), "pairs": int((~is_held_out(pairs["recording"])).sum())}}
    return result


def is_held_out(recording):
    """Tell whether recordings, by their seeds, are only for the scores."""
    return recording % HELD_OUT_EVERY == 0


def score_model(model, table: pd.DataFrame, target: str, labels: tuple) -> dict:
    """Score a model on a table of known truth."""
    return score(indices(table[target], labels), model.predict(table)[0], labels, table["recording"].to_numpy())


def score_bombcell(units: pd.DataFrame) -> dict:
    """Score bombcell's rules, which have no probabilities, on the same units."""
    said = pd.Series(bombcell_labels(units.drop(columns=OF_TRUTH))[0], index=units.index).map(BOMBCELL)
    certain = np.eye(len(LABELS))[indices(said, LABELS)]
    return score(indices(units["truth"], LABELS), certain, LABELS, units["recording"].to_numpy())


def examples(settings: Settings, out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return all examples of units and pairs; those of a recording are made once and kept."""
    tables: dict[str, list] = {"units": [], "pairs": []}
    cells = None
    for seed in range(settings.n_recordings):
        files = {name: out / "examples" / f"{name}_{seed}.csv" for name in tables}
        if not all(file.is_file() for file in files.values()):
            cells = cells or split(settings.cells)
            files["units"].parent.mkdir(exist_ok=True)
            make(files, cells[is_held_out(seed)], seed, out / "scratch")
        for name, file in files.items():
            table = pd.read_csv(file) if file.stat().st_size > 2 else ()  # no units, no header
            if len(table):
                tables[name].append(table)
    if not all(tables.values()):
        raise UserError("no unit or no pair was found in any recording", "simulate more with --n-recordings")
    units, pairs = (pd.concat(parts, ignore_index=True) for parts in tables.values())
    return with_derived(like_sorters(units)), pairs


def split(folder: Path | None) -> tuple:
    """Return the cells to fit on and those to score on."""
    from simsort.pretraining.cells import find_cells, split_cells

    if folder is None:
        raise UserError("bench labels needs simulated cells", "add --cells DIR, an output of simsort simulate")
    return split_cells(find_cells(folder))


def make(files: dict, cells, seed: int, scratch: Path) -> None:
    """Make the examples of one recording."""
    from simsort.benchmarks.labels.examples import make_examples

    print(f"simsort bench: recording {seed}", flush=True)
    for file, table in zip(files.values(), make_examples(cells, seed, scratch), strict=True):
        write_whole(file, table.to_csv(index=False).encode())


def blocks_of(result: dict) -> dict[str, str]:
    """Return the block of docs/benchmarks.md."""
    shown = [("model, units", "units", LABELS), ("bombcell's rules, the same units", "bombcell", LABELS),
             ("model, pairs of units", "pairs", PAIR_LABELS)]
    rows = [row for name, key, labels in shown for row in rows_of(name, result[key], labels)]
    header = ["", "truth", "examples", "said, in this order", "recall", "precision", "accuracy (95 %)"]
    sentences = [f"Fitted on {result['n_fitted']} simulated recordings ({result['n_examples']['units']} units, "
                 f"{result['n_examples']['pairs']} pairs), scored on {result['n_scored']} others, whose cells are of "
                 "types that the first do not have. The interval is a bootstrap over recordings.",
                 "How many of each kind are told: " + "; ".join(
                     f"{kind}, {right} of {whole}" for kind, right, whole in result["told"]) + ".",
                 f"Is a probability honest? Units: {calibrated(result['units'])}. "
                 f"Pairs: {calibrated(result['pairs'])}."]
    parts = [f"`{result['command']}`", markdown_table(header, rows), *sentences, sorted_table(result["sorted"])]
    return {"labels": "\n\n".join(filter(None, parts))}


def rows_of(name: str, scores: dict, labels: tuple) -> list[list[str]]:
    """Return the rows of one model."""
    low, high = scores["interval"]
    rows = []
    for index, label in enumerate(labels):
        counts = scores["confusion"][index]
        whole = f"{scores['accuracy']:.2f} ({low:.2f} to {high:.2f})" if index == 0 else ""
        rows.append([name if index == 0 else "", label, str(sum(counts)), " / ".join(map(str, counts)),
                     share(scores["recall"][label]), share(scores["precision"][label]), whole])
    return rows


def share(value: float | None) -> str:
    """Spell a share of one."""
    return "-" if value is None else f"{value:.2f}"


def calibrated(scores: dict) -> str:
    """Spell what was said and what was true."""
    return "; ".join(f"{one['n']} said to be {one['predicted']:.2f} sure were right in {one['true']:.2f}"
                     for one in scores["calibration"] if one["n"])
