"""A picture of a training: losses and held-out scores against steps."""

from pathlib import Path

import numpy as np

from simsort.pretraining.log import read_log

LOSSES = ("loss", "detection", "timing", "local", "identity", "triplet")
SMOOTH = 0.02  # of the steps, over which losses are averaged
PAIRS = (("detection_f1", "threshold_f1"), ("accuracy", "accuracy_pca"), ("ari_gmm", "ari_gmm_pca"), ("knn", "knn_pca"))


def draw_learning_curve(folder: Path) -> Path | None:
    """Draw `learning_curve.png` from a folder's `log.jsonl`; None where there is nothing to draw yet."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    lines = read_log(Path(folder) / "log.jsonl")
    steps = [line for line in lines if "loss" in line]
    scores = [{"step": line["step"], **line["validation"]} for line in lines if "validation" in line]
    if not steps:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), constrained_layout=True)
    width = max(1, round(SMOOTH * len(steps)))
    for name in LOSSES:
        if name in steps[0]:
            values = np.convolve([line[name] for line in steps], np.ones(width) / width, mode="valid")
            left.plot([line["step"] for line in steps][width - 1:], values, lw=1, label=name)
    left.set(xlabel="step", ylabel="loss", yscale="log")
    left.legend(frameon=False, fontsize=8)
    for colour, (ours, other) in enumerate(PAIRS):
        for name, style in ((ours, "-o"), (other, ":")):
            points = [(line["step"], line[name]) for line in scores if name in line]
            if points:
                right.plot(*zip(*points), style, color=f"C{colour}", ms=3, label=name)
    right.set(xlabel="step", ylabel="held-out score", ylim=(0, 1))
    if scores:
        right.legend(frameon=False, fontsize=8)
    path = Path(folder) / "learning_curve.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
