"""The picture of `simsort bench metrics`: areas under the curves, ROC curves, calibration."""

from pathlib import Path

import numpy as np

from simsort.benchmarks.metrics.findings import ACCURATE, CONTAMINATED, DIRECTIONS, FRACTIONS, TARGETS, Units
from simsort.benchmarks.metrics.scores import roc

N_CURVES = 5
COLOURS = {"accurate": "#1f77b4", "clean": "#d62728"}
TITLES = {"accurate": f"accuracy of {ACCURATE:g} or more", "clean": f"contamination of {CONTAMINATED:.0%} or less"}


def draw(findings: dict, rows: list[dict], file: Path) -> Path:
    """Draw the picture; return its file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9.5), layout="constrained")
    axes = figure.subplots(2, 2)
    units = Units(rows)
    draw_areas(axes[0, 0], findings["metrics"])
    for axis, target in zip((axes[0, 1], axes[1, 1]), TARGETS):
        draw_curves(axis, findings, units, target)
    draw_calibration(axes[1, 0], findings["calibration"])
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=80)
    return Path(file)


def draw_areas(axis, metrics: list[dict]) -> None:
    """Draw each metric's area under the curve with its interval."""
    known = [m for m in metrics if m["accurate"] is not None or m["clean"] is not None]
    ordered = sorted(known, key=lambda m: m["accurate"] or 0.0)
    for shift, target in ((0.15, "accurate"), (-0.15, "clean")):
        shown = [(y, m) for y, m in enumerate(ordered) if m[target] is not None]
        middle = np.array([m[target] for _, m in shown])
        errors = bars(middle, [(m[f"{target}_low"], m[f"{target}_high"]) for _, m in shown])
        axis.errorbar(middle, [y + shift for y, _ in shown], xerr=errors, fmt="o", markersize=3, linewidth=1,
                      color=COLOURS[target], label=TITLES[target])
    axis.axvline(0.5, color="0.6", linewidth=0.8)
    axis.set_yticks(range(len(ordered)), [m["name"] for m in ordered], fontsize=7)
    axis.set(xlabel="area under the ROC curve (95 % interval)", xlim=(0, 1.02), title="What each metric predicts")
    axis.legend(fontsize=7, loc="upper left")


def draw_curves(axis, findings: dict, units: Units, target: str) -> None:
    """Draw the ROC curves of the best metrics, and the rules as points."""
    single = [m for m in findings["metrics"] if m[target] is not None and m["name"] in DIRECTIONS and m["known"] > 0.5]
    for metric in sorted(single, key=lambda m: -m[target])[:N_CURVES]:
        values = units.metric(metric["name"]) * DIRECTIONS[metric["name"]]
        known = np.isfinite(values)
        axis.plot(*roc(values[known], units.targets[target][known]), linewidth=1.2,
                  label=f"{metric['name']} ({metric[target]:.2f})")
    for rule, marker in zip(findings["rules"], "o^sDv"):
        if None not in (rule[f"{target}_sensitivity"], rule[f"{target}_specificity"]):
            axis.plot(1 - rule[f"{target}_specificity"], rule[f"{target}_sensitivity"], marker, color="k", markersize=7,
                      fillstyle="full" if rule["name"] == "default" else "none", label=f"rule: {rule['name']}")
    axis.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    article = "an" if target == "accurate" else "a"
    axis.set(xlabel="share of the other units accepted", ylabel="share of these units accepted",
             title=f"Units with {article} {TITLES[target]}")
    axis.legend(fontsize=7, loc="lower right")


def draw_calibration(axis, calibration: list[dict]) -> None:
    """Draw the true fraction over the one that a metric claims, in bins of the claim."""
    for name, of in FRACTIONS.items():
        bins = [b for b in calibration if b["name"] == name and b["n"]]
        claimed = np.array([min(b["predicted"], 1.0) for b in bins])
        true = np.array([b["true"] for b in bins])
        errors = bars(true, [(b["true_low"], b["true_high"]) for b in bins])
        axis.errorbar(claimed, true, yerr=errors, marker=".", linewidth=1, capsize=2, label=f"{name} ({of})")
    axis.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    axis.set(xlabel="claimed by the metric (above 1 shown at 1)", ylabel="true, mean of the units (95 % interval)",
             title="Calibration", xlim=(-0.02, 1.05), ylim=(-0.02, 1.02))
    axis.legend(fontsize=7)


def bars(middle: np.ndarray, ends: list[tuple]) -> np.ndarray:
    """Return lengths of error bars below and above, shape (2, n); none where an interval is unknown."""
    low, high = (np.array([value if e is None else e for value, e in zip(middle, side)]) for side in zip(*ends)
                 ) if ends else (middle, middle)
    return np.maximum(0, [middle - low, high - middle])
