"""The head that tells a unit's kind: a few small networks that vote, in numpy; its folder, read without torch."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import simsort
from simsort.celltypes.features import NAMES
from simsort.errors import UserError

FORMAT, ARCHITECTURE = 1, "cell-types"
FOLDER = Path(simsort.__file__).parent / "weights" / "cell_types"
UNSURE = "unsure"
STRANGE_SHARE = 0.5  # a recording with more units than that beyond the usual distance is of cells never learnt
LARGEST = 6.0  # standard deviations of the training's units: features are cut there


@dataclass(frozen=True, kw_only=True)
class Head:
    """Weights and what is needed to use them.

    Parameters
    ----------
    tensors : dict
        `mean`, `scale` (n_features,); `w0 b0 w1 b1 w2 b2` with the members of the vote first; `inverse` (n_features,
        n_features), of the covariance of the training's standardised features.
    note : dict
        model.json: `classes`, `temperature`, `least_probability`, `farthest` (distance from which on a unit is
        `unsure`), `usual` (see `is_familiar`).
    """

    tensors: dict
    note: dict

    @property
    def classes(self) -> list[str]:
        """Names of the kinds."""
        return self.note["classes"]

    def standardised(self, features: np.ndarray) -> np.ndarray:
        """Return features (n, n_features) in the training's standard deviations."""
        scaled = (np.asarray(features, dtype=float) - self.tensors["mean"]) / self.tensors["scale"]
        return np.clip(scaled, -LARGEST, LARGEST)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities (n, n_classes) of features (n, n_features)."""
        return softmax(self.logits(features) / self.note["temperature"]).mean(axis=0)

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return the members' logits (n_members, n, n_classes)."""
        layer = np.broadcast_to(self.standardised(features), (len(self.tensors["w0"]), *np.shape(features)))
        for number in range(3):
            layer = layer @ self.tensors[f"w{number}"] + self.tensors[f"b{number}"][:, None]
            layer = np.maximum(layer, 0) if number < 2 else layer
        return layer

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Return how far (n,) features lie from the training's (Mahalanobis, squared, per feature)."""
        scaled = self.standardised(features)
        return np.einsum("ni,ij,nj->n", scaled, self.tensors["inverse"], scaled) / scaled.shape[1]

    def is_familiar(self, features: np.ndarray) -> bool:
        """Tell whether the units of a recording are, most of them, no farther from the training's than its own kind are.

        One odd unit says little, many together say that the cells are others than those learnt from.
        """
        return bool((self.distance(features) > self.note["usual"]).mean() <= STRANGE_SHARE)

    def answers(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Judge the units of one recording.

        Returns
        -------
        kind : array, (n,) str
            `unsure` among them, and everywhere where the recording is not familiar.
        best : array, (n,)
            Probability of the likeliest kind.
        every : array, (n, n_classes)
        """
        every = self.probabilities(features)
        best = every.max(axis=1)
        sure = (best >= self.note["least_probability"]) & (self.distance(features) <= self.note["farthest"])
        sure &= self.is_familiar(features)
        return np.where(sure, np.array(self.classes)[every.argmax(axis=1)], UNSURE), best, every


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def load_head(folder=None) -> Head:
    """Read a head.

    Parameters
    ----------
    folder : Path | None, default: None
        None: the shipped one.

    Raises
    ------
    UserError
        If it is missing, damaged, or of another version.
    """
    from simsort.models.model_folder import checksum, read_note

    folder = Path(folder or FOLDER)
    note = read_note(folder)
    if note.get("architecture") != ARCHITECTURE:
        raise UserError(f"{folder} holds a model of architecture {note.get('architecture')!r}, no head for cell types",
                        "give a folder made by simsort pretrain --method cell-types")
    if note["features"] != hash_of_names() or "usual" not in note:
        raise UserError(f"{folder} was made by another version", "make it again with this version of simsort")
    file = folder / "head.safetensors"
    if not file.is_file() or checksum(file) != note["sha256"][file.name]:
        raise UserError(f"{file} is missing or damaged", "get the model folder again")
    return Head(tensors=read_safetensors(file), note=note)


def read_safetensors(file: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a safetensors file, of 32 bits; the package is not in every image, the format is simple."""
    content = file.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(content[8 + size + start:8 + size + end], dtype="<f4").reshape(entry["shape"])
    return tensors


def hash_of_names() -> str:
    """Return what a head's features must agree with."""
    return hashlib.sha256("\n".join(NAMES).encode()).hexdigest()[:12]
