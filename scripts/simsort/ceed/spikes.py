"""Spikes with their units' names, cut around their largest channel, and the noise they were recorded in."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from simsort.errors import UserError
from simsort.models.ceed_form import CeedForm

BY_SPIKE = ("waveforms", "unit", "recording", "row")


@dataclass(frozen=True, kw_only=True)
class LabelledSpikes:
    """Spikes of some units in some recordings, in units of each channel's noise level.

    Channels are in the order of the probe's shanks and depths; a row is a place in that order, those of all recordings
    one after another.

    Parameters
    ----------
    form : CeedForm
    waveforms : array, (n, form.n_wide, form.n_samples) float32
        0 where there is no channel.
    unit, recording, row : arrays, (n,) int64
        Number of the unit among `unit_names`, of the recording, and the row that the spike is cut around.
    unit_names : array, (n_units,) str
    snr : array, (n_units,)
        Depth of the trough of the unit's mean spike in noise levels.
    is_there : array, (n_rows, form.n_wide) bool
        Channels around each row that exist.
    offsets_um : array, (n_rows, form.n_wide, 2) float32
        Where they lie, from the row's own.
    spatial_roots : array, (n_rows, form.n_channels, form.n_channels) float32
        `root @ white` is noise with the covariance of the channels around a row.
    temporal_roots : array, (n_recordings, form.n_samples, form.n_samples) float32
        `white @ root` has that of the samples.
    """

    form: CeedForm
    waveforms: np.ndarray
    unit: np.ndarray
    recording: np.ndarray
    row: np.ndarray
    unit_names: np.ndarray
    snr: np.ndarray
    is_there: np.ndarray
    offsets_um: np.ndarray
    spatial_roots: np.ndarray
    temporal_roots: np.ndarray

    def __len__(self) -> int:
        return len(self.unit)

    @property
    def n_units(self) -> int:
        """Number of units of which there are spikes."""
        return len(np.unique(self.unit))

    def only(self, rows) -> "LabelledSpikes":
        """Return some of the spikes; units and noise stay as they are."""
        return replace(self, **{name: getattr(self, name)[rows] for name in BY_SPIKE})

    def of_units(self, units, first: int = 0, most: int | None = None) -> "LabelledSpikes":
        """Return spikes `first` to `first + most` of some units, in the order they are kept in."""
        last = None if most is None else first + most
        chosen = [np.flatnonzero(self.unit == unit)[first:last] for unit in units]
        return self.only(np.sort(np.concatenate(chosen)) if len(chosen) else np.zeros(0, dtype=int))

    def centred(self) -> np.ndarray:
        """Return what the networks are given in use: (n, n_channels, n_samples), the largest in the middle."""
        return self.form.middle(self.waveforms)

    def save(self, path) -> None:
        """Write one safetensors file; waveforms with 16 bits."""
        from safetensors.numpy import save_file

        tensors = {field.name: np.ascontiguousarray(getattr(self, field.name)) for field in fields(self)
                   if field.name not in ("form", "unit_names")}
        tensors["waveforms"] = tensors["waveforms"].astype(np.float16)
        tensors["unit_names"] = np.frombuffer("\n".join(self.unit_names.tolist()).encode(), dtype=np.uint8).copy()
        part = Path(path).with_suffix(".part")
        save_file(tensors, part, metadata={"form": self.form.as_json()})
        part.rename(path)

    @classmethod
    def load(cls, path, form: CeedForm | None = None) -> "LabelledSpikes":
        """Read a file of `save`.

        Raises
        ------
        UserError
            If it is missing, damaged, or of another form than the one asked for.
        """
        from safetensors import SafetensorError, safe_open

        if not Path(path).is_file():
            raise UserError(f"{path} does not exist", "check the path")
        try:
            with safe_open(path, framework="numpy") as file:
                own = CeedForm.from_json(file.metadata()["form"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}
            tensors["unit_names"] = np.array(tensors["unit_names"].tobytes().decode().split("\n"))
            spikes = cls(form=own, **tensors | {"waveforms": tensors["waveforms"].astype(np.float32)})
        except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
            raise UserError(f"{path} is damaged ({type(error).__name__})", "remove it and make it again") from None
        if form is not None:
            own.must_be(form, str(path))
        return spikes


def joined(parts: list[LabelledSpikes]) -> LabelledSpikes:
    """Put the spikes of several recordings together; their units and rows are counted on.

    Raises
    ------
    UserError
        If they are of different forms, for instance at other sampling rates.
    """
    shifts = {"unit": 0, "recording": 0, "row": 0}
    moved = []
    for part in parts:
        part.form.must_be(parts[0].form, "the spikes of one recording")
        moved.append(replace(part, **{name: getattr(part, name) + shift for name, shift in shifts.items()}))
        shifts["unit"] += len(part.unit_names)
        shifts["recording"] += len(part.temporal_roots)
        shifts["row"] += len(part.is_there)
    names = [field.name for field in fields(LabelledSpikes) if field.name != "form"]
    return LabelledSpikes(form=parts[0].form, **{name: np.concatenate([getattr(part, name) for part in moved])
                                                 for name in names})


def check_enough(spikes: LabelledSpikes, batch: int, where: str) -> None:
    """Refuse spikes that nothing can be learnt from.

    Raises
    ------
    UserError
        For no unit or one, and for fewer spikes than a batch.
    """
    if spikes.n_units < 2:
        raise UserError(f"{where} has {spikes.n_units} unit{'' if spikes.n_units == 1 else 's'} with spikes",
                        "give recordings with two units or more: a contrast needs others")
    if len(spikes) < batch:
        raise UserError(f"{where} has {len(spikes)} spikes, fewer than a batch of {batch}",
                        f"add recordings, raise --spikes-per-unit, or lower --batch to {len(spikes)} or less")
