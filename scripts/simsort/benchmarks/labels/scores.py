"""How often labels are right on recordings left out, and how honest their probabilities are."""

import numpy as np

from simsort.benchmarks.metrics.scores import calibration, interval

FEW = 300  # spikes: too few to violate a refractory period
FOREIGN = (0.1, 0.2, 0.4, 1.0)  # edges of shares of foreign spikes
NOISE_KINDS = {"noise": "noise of threshold crossings", "artefact": "artefacts", "echo": "echoes of a large unit"}
EDGES = (0.0, 0.6, 0.75, 0.9, 1.0)  # of the probability of the label


def score(truth: np.ndarray, probabilities: np.ndarray, labels: tuple, recordings: np.ndarray) -> dict:
    """Score the most probable labels.

    Parameters
    ----------
    truth : np.ndarray of int, shape (n,)
        Index of each true label.
    probabilities : np.ndarray, shape (n, n_labels)
        Said.
    labels : tuple of str
        Names.
    recordings : np.ndarray, shape (n,)
        Recording of each row, for the bootstrap interval: rows of one recording are alike.

    Returns
    -------
    scores : dict
        `accuracy` with its 95 % `interval`, `confusion` (true x said), `recall` and `precision` of each label,
        `log_loss`, and `calibration`: of bins of the label's probability, what was said and what was true.
    """
    said = probabilities.argmax(axis=1)
    hit = (said == truth).astype(float)
    table = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(table, (truth, said), 1)
    right = np.diag(table)
    bins = calibration(probabilities.max(axis=1), hit, EDGES)
    return {"accuracy": float(hit.mean()), "interval": interval(lambda rows: hit[rows].mean(), recordings),
            "confusion": table.tolist(),
            "recall": dict(zip(labels, shares(right, table.sum(axis=1)))),
            "precision": dict(zip(labels, shares(right, table.sum(axis=0)))),
            "log_loss": float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-6)).mean()),
            "calibration": [{key: value for key, value in one.items() if key != "rows"} for one in bins]}


def shares(parts: np.ndarray, wholes: np.ndarray) -> list[float | None]:
    """Return quotients; None where the whole is nothing."""
    return [round(float(part / whole), 4) if whole else None for part, whole in zip(parts, wholes)]


def told(units, model) -> list[tuple[str, int, int]]:
    """Count which units get their true label, of kinds that differ in how hard they are.

    Parameters
    ----------
    units : pandas.DataFrame
        Units of known truth, see `make_examples`.
    model : AdditiveModel
        Of units.

    Returns
    -------
    rows : list of tuple
        Kind, how many are right, how many there are; kinds without units are left out.
    """
    right = np.array(model.labels)[model.predict(units)[0].argmax(axis=1)] == units["truth"].to_numpy()
    noise, foreign = (units["truth"] == "noise").to_numpy(), 1 - units["precision"].to_numpy()
    kinds = {title: noise & (units["kind"] == kind).to_numpy() for kind, title in NOISE_KINDS.items()}
    kinds["other noise"] = noise & ~units["kind"].isin(NOISE_KINDS).to_numpy()
    for low, high in zip(FOREIGN[:-1], FOREIGN[1:]):
        inside = (foreign > low) & (foreign <= high) & (units["truth"] == "MUA").to_numpy()
        kinds[f"MUA with {low * 100:.0f} to {high * 100:.0f} % of foreign spikes"] = inside
    for title, enough in ((f"MUA of fewer than {FEW} spikes", units["num_spikes"] < FEW),
                          ("MUA of more", units["num_spikes"] >= FEW)):
        kinds[title] = (enough & (units["truth"] == "MUA")).to_numpy()
    kinds["units of the recordings that another sorter sorted"] = units["recording"].isin(
        units["recording"][units["kind"] == "sorter"]).to_numpy()
    return [(title, int(right[mine].sum()), int(mine.sum())) for title, mine in kinds.items() if mine.any()]
