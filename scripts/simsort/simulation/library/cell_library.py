"""One simulated individual: the membrane currents around its spikes, in few components."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np

from simsort.errors import UserError
from simsort.simulation.field.geometry import SegmentGeometry

FORMAT = 1
METADATA_KEY = "library"  # one entry only: safetensors writes several in any order


@dataclasses.dataclass(frozen=True, kw_only=True)
class CellLibrary:
    """A cell simulated once, to be placed anywhere: its currents around spike k are `coefficients[k] @ basis_na`.

    Attributes
    ----------
    model : dict
        The `CellModel` it was made of.
    geometry : SegmentGeometry
        The segments, the soma's centre at the origin.
    sampling_frequency_hz : float
        Of the snippets.
    n_before : int
        Samples before the one in which, or after which within one sample, the soma crosses the threshold.
    basis_na : array, (rank, n_segments, n_samples) float32
        Components, in nA.
    coefficients : array, (n_snippets, rank) float32
        Each snippet's share of each component.
    spike_times_s : array, (n_snippets,) float64
        Crossings in the run the snippets come from.
    isi_before_ms, isi_after_ms : array, (n_snippets,) float64
        Interval to the spike before and after; infinite at the run's ends.
    statistics : dict
        What the run showed (see `simsort.simulation.library.statistics`), the input, versions and marks.
    """

    model: dict
    geometry: SegmentGeometry
    sampling_frequency_hz: float
    n_before: int
    basis_na: np.ndarray
    coefficients: np.ndarray
    spike_times_s: np.ndarray
    isi_before_ms: np.ndarray
    isi_after_ms: np.ndarray
    statistics: dict = dataclasses.field(default_factory=dict)

    @property
    def n_snippets(self) -> int:
        """Number of snippets."""
        return len(self.coefficients)

    def currents_na(self, snippets) -> np.ndarray:
        """Return snippets (n, n_segments, n_samples) in nA."""
        return np.tensordot(self.coefficients[np.atleast_1d(snippets)], self.basis_na, axes=1)

    def project(self, matrix) -> np.ndarray:
        """Return the components' potentials at contacts.

        Parameters
        ----------
        matrix : array, (n_contacts, n_segments)
            uV per nA, see `contact_matrix`.

        Returns
        -------
        potentials_uv : array, (rank, n_contacts, n_samples) float32
            Snippet k is `coefficients[k] @ potentials_uv`.
        """
        return np.matmul(np.asarray(matrix, dtype=np.float32), self.basis_na)

    def project_torch(self, matrix, device="cpu"):
        """Return the same as `project` as a torch tensor on a device."""
        import torch

        matrix = torch.as_tensor(np.asarray(matrix, dtype=np.float32), device=device)
        return torch.matmul(matrix, torch.as_tensor(self.basis_na, device=device))

    def save(self, path) -> None:
        """Write one safetensors file; the same library always gives the same bytes.

        The components are kept as 16-bit numbers and a scale each, an error of 0.05 % at most.
        """
        from safetensors.numpy import save_file

        scale = np.abs(self.basis_na).max(axis=(1, 2), initial=0.0).astype(np.float32)
        scale[scale == 0] = 1.0
        tensors = {"basis": (self.basis_na / scale[:, None, None]).astype(np.float16), "basis_scale_na": scale,
                   "coefficients": self.coefficients.astype(np.float32), "spike_times_s": self.spike_times_s,
                   "isi_before_ms": self.isi_before_ms, "isi_after_ms": self.isi_after_ms,
                   **{name: getattr(self.geometry, name) for name in ("start_um", "end_um", "diameter_um", "region")}}
        note = {"format": FORMAT, "model": self.model, "sampling_frequency_hz": self.sampling_frequency_hz,
                "n_before": self.n_before, "statistics": self.statistics}
        save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, path,
                  metadata={METADATA_KEY: json.dumps(finite(note), sort_keys=True)})

    @classmethod
    def load(cls, path) -> "CellLibrary":
        """Read a file of `save`.

        Raises
        ------
        UserError
            If it is damaged, no such file, or of another format.
        """
        tensors, note = read_file(Path(path))
        try:
            geometry = SegmentGeometry(**{name: tensors[name] for name in ("start_um", "end_um", "diameter_um", "region")})
            basis = tensors["basis"].astype(np.float32) * tensors["basis_scale_na"][:, None, None]
            return cls(model=note["model"], geometry=geometry, sampling_frequency_hz=note["sampling_frequency_hz"],
                       n_before=note["n_before"], basis_na=basis, statistics=note["statistics"],
                       **{name: tensors[name] for name in ("coefficients", "spike_times_s", "isi_before_ms",
                                                           "isi_after_ms")})
        except (KeyError, ValueError) as error:
            raise UserError(f"{path} is no simulated cell of this version ({error})", "make it again with simsort "
                            "simulate") from None


def read_file(path: Path) -> tuple[dict, dict]:
    """Return the tensors and the note of a library's file."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise UserError(f"{path} does not exist", "make it with simsort simulate")
    try:
        with safe_open(path, framework="numpy") as file:
            note = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, ValueError, OSError) as error:
        raise UserError(f"{path} is damaged ({error})", "remove it and run simsort simulate again") from None
    if note.get("format") != FORMAT:
        raise UserError(f"{path} is no simulated cell of this version (format {note.get('format')}, not {FORMAT})",
                        "make it again with simsort simulate")
    return tensors, note


def finite(content):
    """Return JSON content with None for numbers that are not finite."""
    if isinstance(content, dict):
        return {str(name): finite(value) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value) for value in content]
    if isinstance(content, np.generic):
        return finite(content.item())
    return None if isinstance(content, float) and not math.isfinite(content) else content
