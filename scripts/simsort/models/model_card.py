"""MODEL_CARD.md: what a model is, in a page, made of its model.json."""

import json

SCORES = {
    "detection_f1": "detection, F1 at the best threshold",
    "threshold_f1": "the same of a threshold on the trough's depth",
    "timing_samples": "error of a spike's time in samples, mean absolute",
    "accuracy": "identification, nearest mean",
    "accuracy_pca": "the same of principal components",
    "ari_kmeans": "k-means with the known number of units, adjusted Rand index",
    "ari_kmeans_pca": "the same of principal components",
    "ari_gmm": "Gaussian mixture with the known number of units, adjusted Rand index",
    "ari_gmm_pca": "the same of principal components",
    "knn": "nearest neighbours, share of spikes told right",
    "balanced_accuracy": "kind of a unit, balanced accuracy",
    "balanced_accuracy_three": "the same of excitatory, PV and other inhibitory",
    "calibration_error": "expected calibration error",
    "unsure": "share of units that the head is unsure of",
    "balanced_accuracy_sure": "balanced accuracy of the others",
}
PURPOSE = {
    "channels": "Detects spikes in extracellular recordings and tells neurons apart, on any probe: channels come with "
                "coordinates.",
    "paper": "SimSort as published (Zhang et al. 2025, arXiv 2502.03198): a baseline for tetrodes, four channels only.",
    "ceed-mlp": "CEED's encoder of fully connected layers (Vishnubhotla et al. 2023): embeds spikes, cut around their "
                "largest channel, so that changes between spikes of one neuron move them little. It detects nothing.",
    "ceed-scam": "CEED's transformer SCAM (Vishnubhotla et al. 2023): embeds spikes, cut around their largest channel, "
                 "so that changes between spikes of one neuron move them little. It detects nothing.",
    "cell-types": "Tells what kind of cell a unit is, from its mean spike and its spike train, or says that it is "
                  "unsure.",
}
NETWORKS = ("detector", "encoder", "head")
LIMITS = ("Trained on simulated recordings only. Not for stimulation artefacts, for contacts whose positions are unknown, or "
          "for recordings without the band below; positive-going spikes are found only with their negative phase.")

OTHER_LIMITS = {
    "ceed": "Takes windows of as many channels as below, in the order of depth, in units of each channel's noise level. Not "
            "for recordings without contact positions or without the band below.",
    "cell-types": "Learnt from simulated neocortical cells at 37 degrees. What it says of other tissue, of axons or of "
                  "damaged cells has not been tested; no recording with labelled cells was used.",
}


def model_card(note: dict) -> str:
    """Return the card of a model.

    Parameters
    ----------
    note : dict
        The content of model.json.
    """
    lines = ["# Model card", "", PURPOSE.get(note["architecture"], ""), ""]
    sizes = " ".join(f"{name.capitalize()}: {note[name]['n_parameters']:,} parameters." for name in NETWORKS
                     if name in note)
    lines += [f"{sizes} Format {note['format']}, architecture `{note['architecture']}`.", ""]
    limits = next((text for name, text in OTHER_LIMITS.items() if note["architecture"].startswith(name)), LIMITS)
    lines += ["## Input", "", *facts(note["input"]), "", "## Limits", "", limits, ""]
    for title in ("data", "training", "made", "joining", "finetuning"):
        if note.get(title):
            lines += [f"## {title.capitalize()}", "", *facts(note[title]), ""]
    for title, scores in (note.get("scores") or {}).items():
        lines += [f"## Scores, {title}", "", "| | |", "|---|---|"]
        lines += [f"| {SCORES[name]} | {'–' if scores[name] is None else f'{scores[name]:.3f}'} |"
                  for name in SCORES if name in scores] + [""]
    return "\n".join(lines)


def facts(content: dict) -> list[str]:
    """Return one line per entry."""
    return [f"- {name.replace('_', ' ')}: {value if isinstance(value, str) else json.dumps(value)}"
            for name, value in content.items()]
