"""Score sortings of the user's folders and write what was found."""

import csv
import json
from pathlib import Path

import numpy as np

from simsort.evaluation.folders import check_pair, load_recording, load_sorting
from simsort.evaluation.protocol import known_snr, score_sorting
from simsort.evaluation.snr import measure_snr

COLUMNS = ("unit_id", "snr", "n_spikes", "accuracy", "recall", "precision", "best_agreement")


def evaluate_folders(sorting_folder: Path, truth_folder: Path, *, recording_folder: Path | None = None,
                     background_folder: Path | None = None) -> dict:
    """Score a sorting against the true spikes.

    Parameters
    ----------
    sorting_folder, truth_folder : Path
        Folders of the sorting and of the true units.
    recording_folder : Path | None, default: None
        The recording, to measure the units' SNR in; without it the truth's property `snr` counts, and without that
        every unit does.
    background_folder : Path | None, default: None
        True units that nobody is asked to find.

    Returns
    -------
    scores : dict
        Those of `simsort.evaluation.protocol.score_sorting`, and `note` on where the SNR comes from.

    Raises
    ------
    UserError
        If a folder holds nothing that can be read, or the two are not of one recording.
    """
    sorting = load_sorting(sorting_folder, "--sorting")
    truth = load_sorting(truth_folder, "--ground-truth")
    check_pair(truth, sorting)
    background = load_sorting(background_folder, "--background") if background_folder else None
    snr, note = known_snr(truth), "SNR from the ground truth"
    if recording_folder is not None:
        snr, note = measure_snr(load_recording(recording_folder, "--recording"), truth), "SNR measured in the recording"
    elif np.isnan(snr).all():
        note = "SNR unknown: every true unit counts"
    return {**score_sorting(truth, sorting, snr=snr, background=background), "note": note}


def write_scores(scores: dict, folder: Path) -> None:
    """Write `evaluation.json` and `units.csv`."""
    folder = Path(folder)
    (folder / "evaluation.json").write_text(json.dumps(scores, indent=1) + "\n")
    with (folder / "units.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ("recording", *COLUMNS), extrasaction="ignore")
        writer.writeheader()
        for entry in scores.get("recordings", [scores]):
            for unit in entry.get("units", ()):
                writer.writerow({"recording": entry.get("name", ""), **unit})


def shown_lines(scores: dict) -> list[str]:
    """Return the figures as lines to print."""
    def figure(value):
        return "–" if value is None else f"{value:.3f}"

    return [f"accuracy {figure(scores['accuracy'])}, recall {figure(scores['recall'])}, precision "
            f"{figure(scores['precision'])} (mean of {scores['n_asked']} of {scores['n_true']} true units, SNR >= 3)",
            f"true units found {scores['n_found']}, with accuracy >= 0.8 {scores['n_well_detected']}; units "
            f"{scores['n_units']}, of them false {scores['n_false']}", scores["note"]]
