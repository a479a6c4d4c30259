"""The look of every picture, and how one is saved."""

import dataclasses
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no display on a cluster

from matplotlib.figure import Figure  # noqa: E402

INK = "#24292f"
FAINT = "#8a939d"
GRID = "#e4e7ea"
ACCENT = "#2f6fab"
BAD = "#c0392b"
# Colour-blind safe, and told apart by marker too.
LABEL_COLORS = {"pass": "#1b8a5a", "fail": "#c4572b", "unknown": "#7a6fae", "none": ACCENT}
LABEL_MARKERS = {"pass": "o", "fail": "X", "unknown": "s", "none": "o"}
LABEL_TEXTS = {"pass": "passes default_qc", "fail": "fails default_qc", "unknown": "default_qc unknown", "none": "unit"}
DPI = 110

matplotlib.rcParams.update({
    "font.size": 9, "axes.titlesize": 10, "axes.labelsize": 9, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "axes.edgecolor": FAINT, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlelocation": "left", "axes.titleweight": "bold",
    "figure.facecolor": "white", "savefig.facecolor": "white", "legend.frameon": False, "legend.fontsize": 8,
    "image.interpolation": "nearest", "agg.path.chunksize": 20000,
    "text.parse_math": False,  # names may hold $ signs
})


@dataclasses.dataclass(frozen=True)
class Picture:
    """One file drawn: `kind` is traces, drift, motion, probe, units or unit."""

    file: str
    title: str
    kind: str
    unit_ids: tuple[str, ...] = ()

    def as_output(self) -> dict:
        """Return what goes into the record."""
        units = {"unit_ids": list(self.unit_ids)} if self.unit_ids else {}
        return {"file": self.file, "title": self.title, "kind": self.kind} | units


def new_figure(width_in: float, height_in: float, **kwargs) -> Figure:
    """Make a figure that belongs to no global state, laid out without overlaps."""
    return Figure(figsize=(width_in, height_in), layout="constrained", **kwargs)


def save_figure(figure: Figure, folder: Path, picture: Picture) -> Picture:
    """Write a figure as PNG under the picture's name and return the picture."""
    figure.savefig(Path(folder) / picture.file, dpi=DPI)
    return picture


def robust_limit(values, quantile: float = 0.999, least: float = 1.0) -> float:
    """Return a symmetric colour limit that ignores a few extremes."""
    import numpy as np

    finite = np.abs(values[np.isfinite(values)])
    return max(float(np.quantile(finite, quantile)), least) if finite.size else least
