"""From runs to the figures of the tables: the better of two runs, means over seeds, the marks."""

import numpy as np

from simsort.benchmarks.sorters.runs import OURS, sorter_of

HALF = 0.5
QUIET_CORES = 0.25  # kept busy by other work
NEAR_ORACLE = 0.05


def better_run(runs: list[dict]) -> dict | None:
    """Return the more accurate of the runs with and without motion correction; a failed one if both failed."""
    done = [run for run in runs if run["state"] == "done"]
    if done:
        return max(done, key=lambda run: run["scores"]["accuracy"] or 0.0)
    return runs[0] if runs else None


def by_sorter(entry: dict) -> dict[str, dict]:
    """Return the better run of each sorter of a case."""
    names = dict.fromkeys(run["sorter"] for run in entry["runs"])
    return {name: better_run([run for run in entry["runs"] if run["sorter"] == name]) for name in names}


def rows_of(entries: list[dict]) -> list[dict]:
    """Return one row per sorter for the cases of a family and kind, best first.

    Parameters
    ----------
    entries : list of dict
        Cases of one family, all static or all drifting.

    Returns
    -------
    rows : list of dict
        `sorter`, `n_cases` done, means of accuracy, recall and precision over the cases, sums of units, `motion` (in
        how many cases its run with motion correction was the better), `speed` and `is_quiet` (see `speed_of`), `reasons`
        of those that failed.
    """
    chosen = [by_sorter(entry) for entry in entries]
    names = dict.fromkeys(name for runs in chosen for name in runs)
    rows = [row_of(name, [(runs[name], entry) for runs, entry in zip(chosen, entries) if name in runs])
            for name in names]
    return sorted(rows, key=lambda row: -(row["accuracy"] if row["accuracy"] is not None else -1.0))


def row_of(name: str, runs: list[tuple[dict, dict]]) -> dict:
    """Return a sorter's row; a run that failed counts as nothing found."""
    done = [(run, entry) for run, entry in runs if run["state"] == "done"]
    row = {"sorter": name, "n_cases": len(done), "n_tried": len(runs),
           "reasons": sorted({run["reason"] for run, _ in runs if run["state"] != "done"}),
           "versions": sorted({run["version"] for run, _ in runs})}
    if not done:
        return row | dict.fromkeys(("accuracy", "recall", "precision", "std"))
    scores = [run["scores"] for run, _ in done]
    values = {key: [score[key] or 0.0 for score in scores] + [0.0] * (len(runs) - len(done))
              for key in ("accuracy", "recall", "precision")}
    n_false = [score["n_false"] for score in scores]
    return row | {key: float(np.mean(value)) for key, value in values.items()} | {
        "std": float(np.std(values["accuracy"])), "n_well": sum(score["n_well_detected"] for score in scores),
        "n_true": sum(score["n_asked"] for score in scores), "n_found": sum(score["n_found"] for score in scores),
        "n_false": None if None in n_false else sum(n_false), "motion": sum(run["motion"] for run, _ in done),
        **speed_of(done), "peak_bytes": max(run["peak_bytes"] for run, _ in done)}


def speed_of(done: list[tuple[dict, dict]]) -> dict:
    """Return `speed`, in times real time, of the runs that had the cores for themselves, and that it `is_quiet`.

    Without such runs it is that of all, a lower bound.
    """
    quiet = [pair for pair in done if pair[0]["other_cores"] < QUIET_CORES]
    return {"speed": float(np.mean([entry["facts"]["duration_s"] / run["sort_s"] for run, entry in quiet or done])),
            "is_quiet": bool(quiet)}


def faster(ours: dict, peer: dict) -> bool | None:
    """Return whether our row is the faster one; None where a lower bound does not tell."""
    if ours["speed"] > peer["speed"]:
        return True if peer["is_quiet"] else None
    return False if ours["is_quiet"] else None


def oracle_row(entries: list[dict]) -> dict:
    """Return the oracle's means over the cases."""
    scores = [entry["facts"]["oracle"] for entry in entries]
    names = ("accuracy", "recall", "precision")
    return {name: float(np.mean([score[name] or 0.0 for score in scores])) for name in names} | {
        "n_well": sum(score["n_well_detected"] for score in scores),
        "n_true": sum(score["n_asked"] for score in scores)}


def mark(rows: list[dict], oracle: dict) -> dict | None:
    """Return how our sorter stands to the mark: half the error of the best peer, or within 0.05 of the oracle.

    Returns
    -------
    mark : dict | None
        `ours`, `best_peer`, `peer`, `oracle`, `wanted` (the lower of the two accuracies), `reached`, and whether the
        false units per true unit found are no more than the best peer's. None if ours or every peer is missing.
    """
    ours = next((row for row in rows if row["sorter"] == OURS and row["accuracy"] is not None), None)
    peers = peers_of(rows)
    if ours is None or not peers:
        return None
    best = max(peers, key=lambda row: row["accuracy"])
    wanted = min(1 - HALF * (1 - best["accuracy"]), oracle["accuracy"] - NEAR_ORACLE)
    ratios = [false_ratio(row) for row in (ours, best)]
    return {"ours": ours["accuracy"], "peer": best["sorter"], "best_peer": best["accuracy"],
            "oracle": oracle["accuracy"], "wanted": wanted, "reached": ours["accuracy"] >= wanted,
            "false_ours": ratios[0], "false_peer": ratios[1],
            "false_reached": None if None in ratios else ratios[0] <= ratios[1]}


def peers_of(rows: list[dict]) -> list[dict]:
    """Return the rows of other sorters that have results, of those that were run on most of the recordings.

    Means over different recordings do not compare. Variants of ours are no peers of it.
    """
    others = [row for row in rows if sorter_of(row["sorter"]) != OURS and row["accuracy"] is not None]
    most = max((row["n_tried"] for row in others), default=0)
    return [row for row in others if row["n_tried"] == most]


def false_ratio(row: dict) -> float | None:
    """Return the false units per true unit found; None where they cannot be known."""
    if row["n_false"] is None:
        return None
    return row["n_false"] / max(1, row["n_found"])
