"""The same question put to CEED's encoder: which units are one neuron (`encoder="ceed"`).

CEED learns from changed copies of single spikes, not from a neuron at several displacements. What its distances are
worth for joining units is therefore measured: `simsort.benchmarks.sorters.joining` fits their log odds beside those of
templates and refractory period (`simsort.sorting.own.identity`), and they are kept in the model's note.
"""

import numpy as np
import torch

from simsort.ceed.extract import SEARCH_MS, troughs
from simsort.ceed.windows import make_windows, shanks_of
from simsort.errors import UserError
from simsort.models.ceed_folder import CeedModel
from simsort.models.ceed_form import shape_of
from simsort.sorting.own.evenly import some_of_each
from simsort.sorting.own.identity import MOST_PER_PIECE, spread
from simsort.sorting.own.inputs import contacts_in_plane
from simsort.sorting.own.pursuit import Pursuit, Spikes
from simsort.sorting.own.traces import SAMPLING_FREQUENCY_HZ as FS

LEAST_SCATTER = 1e-6


class CeedLooks:
    """Waveforms of some spikes of every unit, as CEED's encoder is given them: see `simsort.ceed.extract`.

    Parameters
    ----------
    model : CeedModel
    recording : BaseRecording
        With contact positions.
    pursuit : Pursuit

    Attributes
    ----------
    found : list of lists
        Of every unit the `(waveforms, rows)` of its spikes: (n, n_channels of the form, n_samples) and (n,).
    """

    whitened = False  # traces are to be given in noise levels

    def __init__(self, model: CeedModel, recording, pursuit: Pursuit):
        self.form, self.odds = model.form, model.note.get("joining")
        self.windows = make_windows(recording.get_channel_locations()[:, :2], shanks_of(recording), model.form)
        self.search = round(SEARCH_MS * FS / 1000)
        self.main = pursuit.templates.main_channels()
        self.found: list[list] = [[] for _ in self.main]

    def see(self, traces: np.ndarray, spikes: Spikes, inside: np.ndarray) -> None:
        """Look at some spikes of a piece of traces in noise levels."""
        form, windows = self.form, self.windows
        for unit, rows in some_of_each(spikes, inside, self.search + form.n_samples, traces.shape[1],
                                       MOST_PER_PIECE):
            around = np.full(len(rows), windows.row_of[self.main[unit]])
            at, row = troughs(traces, spikes.sample[rows], around, windows, form, self.search, True)
            steps = at[:, None] + np.arange(form.n_samples) - form.n_before
            channels, is_there = (form.middle(one[row]) for one in (windows.channels, windows.is_there))
            waveforms = traces[channels[:, :, None], steps[:, None]] * is_there[:, :, None]
            self.found[unit].append((waveforms.astype(np.float32), row))

    def add(self, found: list) -> None:
        """Add what was seen elsewhere."""
        for own, other in zip(self.found, found):
            own += other

    @torch.inference_mode()
    def identities(self, model: CeedModel) -> list[tuple[np.ndarray, float] | None]:
        """Return where the encoder puts each unit, and how far its spikes scatter; None for a unit of few."""
        device = next(model.encoder.parameters()).device

        def place(waveforms: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, float]:
            given = torch.as_tensor(waveforms, device=device)
            offsets_um = torch.as_tensor(self.form.middle(self.windows.offsets_um[rows]), device=device)
            embedding = model.encoder(shape_of(given) if self.form.shape_only else given, offsets_um).cpu().numpy()
            middle = np.median(embedding, axis=0)
            return middle, float(np.sqrt(np.median((embedding - middle) ** 2, axis=0).sum()))
        return [place(*some) if some is not None else None for some in map(spread, self.found)]

    def near(self, one: tuple | None, other: tuple | None) -> float:
        """Return the log odds of two units being one neuron that two places give, none where one is unknown."""
        if one is None or other is None:
            return -np.inf
        return self.odds["at_one_place"] + self.odds["per_distance"] * distance(one, other)


def distance(one: tuple[np.ndarray, float], other: tuple[np.ndarray, float]) -> float:
    """Return how far two units lie apart, in the scatter of their spikes: only a unit's own scale has a meaning."""
    return float(np.linalg.norm(one[0] - other[0]) / max(np.sqrt(one[1] * other[1]), LEAST_SCATTER))


def check_ceed(model: CeedModel, recording) -> None:
    """Refuse an encoder that the sorter cannot use on a recording.

    Parameters
    ----------
    model : CeedModel
    recording : BaseRecording
        With contacts in a plane, if it has several.

    Raises
    ------
    UserError
        If the encoder wants neighbours that no contact has, another sampling rate than the sorter's, or it was never
        measured what its distances are worth.
    """
    form, other = model.form, "use encoder simsort, which takes any probe, or none"
    if form.sampling_frequency_hz != FS:
        raise UserError(f"this CEED encoder takes spikes at {form.sampling_frequency_hz:g} Hz, the sorter works at "
                        f"{FS:g} Hz", "give an encoder of that rate, or use encoder simsort")
    if not {"at_one_place", "per_distance"} <= set(model.note.get("joining") or ()):
        raise UserError("this CEED encoder's model.json has no odds for joining units", "measure them with python -m "
                        "simsort.benchmarks.sorters.joining --model DIR, or use the shipped encoder")
    if form.n_channels == 1:
        return
    if recording.get_num_channels() == 1:
        raise UserError(f"the recording has one channel, CEED's encoder looks at {form.n_channels}", other)
    try:
        make_windows(contacts_in_plane(recording), shanks_of(recording), form)
    except UserError as error:
        raise UserError(f"encoder ceed: {error.what}", other) from None
