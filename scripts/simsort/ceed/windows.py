"""Windows of neighbouring channels, and the noise on them."""

from dataclasses import dataclass

import numpy as np

from simsort.errors import UserError
from simsort.models.ceed_form import CeedForm
from simsort.models.whitening import LOUD, quiet_covariance

NEIGHBOUR_UM = 150.0  # contacts farther apart than this see no spike together
QUIET_MARGIN_MS = 0.5
FEWEST_QUIET = 20  # windows that a covariance over time is measured on
LEAST_EIGENVALUE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Which channels lie around each, in the order of shank, depth and side.

    Parameters
    ----------
    order : array, (n_channels,) int64
        Channel of each row.
    channels : array, (n_channels, n_wide) int64
        Channels around each row's; its own where there is none.
    is_there : array, (n_channels, n_wide) bool
    offsets_um : array, (n_channels, n_wide, 2) float32
    """

    order: np.ndarray
    channels: np.ndarray
    is_there: np.ndarray
    offsets_um: np.ndarray

    @property
    def row_of(self) -> np.ndarray:
        """Row (n_channels,) of each channel."""
        return np.argsort(self.order)


def make_windows(positions_um: np.ndarray, shanks: np.ndarray, form: CeedForm) -> Windows:
    """Find the channels around each channel.

    Parameters
    ----------
    positions_um : array, (n_channels, 2)
    shanks : array, (n_channels,)
        Windows end where a shank ends.
    form : CeedForm

    Raises
    ------
    UserError
        If the form has several channels and no contact has another near by.
    """
    order = np.lexsort((positions_um[:, 0], positions_um[:, 1], shanks))
    n_channels, half = len(order), form.n_wide // 2
    places = np.arange(n_channels)[:, None] + np.arange(-half, half + 1)
    channels = order[np.clip(places, 0, n_channels - 1)]
    offsets_um = positions_um[channels] - positions_um[order][:, None]
    is_there = (places >= 0) & (places < n_channels) & (shanks[channels] == shanks[order][:, None])
    is_near = np.linalg.norm(offsets_um, axis=2) <= NEIGHBOUR_UM
    if form.n_channels > 1 and not (is_there & is_near & (np.arange(-half, half + 1) != 0)).any():
        raise UserError(f"no contact of the probe has another within {NEIGHBOUR_UM:g} um, so there are no windows of "
                        f"{form.n_channels} channels", "use --n-channels 1, or give the contacts' positions")
    channels = np.where(is_there, channels, order[:, None])
    return Windows(order=order, channels=channels, is_there=is_there,
                   offsets_um=np.where(is_there[:, :, None], offsets_um, 0.0).astype(np.float32))


def shanks_of(recording) -> np.ndarray:
    """Return the shank (n_channels,) of each channel: channel groups, else by gaps from side to side."""
    groups = np.unique(recording.get_channel_groups(), return_inverse=True)[1]
    if groups.max(initial=0) > 0:
        return groups
    x_um = recording.get_channel_locations()[:, 0]
    order = np.argsort(x_um, kind="stable")
    shanks = np.zeros(len(x_um), dtype=int)
    shanks[order[1:]] = np.cumsum(np.diff(x_um[order]) > NEIGHBOUR_UM)
    return shanks


def spatial_roots(covariance: np.ndarray, windows: Windows, form: CeedForm) -> np.ndarray:
    """Return lower roots (n_rows, n_channels, n_channels) of the covariance of the channels around each row."""
    channels, is_there = form.middle(windows.channels), form.middle(windows.is_there)
    roots = np.zeros((len(channels), form.n_channels, form.n_channels), dtype=np.float32)
    for row, (its, there) in enumerate(zip(channels, is_there)):
        places = np.flatnonzero(there)
        roots[row][np.ix_(places, places)] = root_of(covariance[np.ix_(its[places], its[places])])
    return roots


def root_of(covariance: np.ndarray) -> np.ndarray:
    """Return the symmetric root of a covariance that pairwise estimates may have left slightly indefinite."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return (vectors * np.sqrt(np.maximum(values, LEAST_EIGENVALUE))) @ vectors.T


def measure_noise(pieces: list[np.ndarray], form: CeedForm) -> tuple[np.ndarray, np.ndarray]:
    """Measure the covariance of the noise over channels and over samples, which together are taken to be its whole.

    Parameters
    ----------
    pieces : list of arrays, each (n_channels, n)
        Traces in noise levels; what is loud is left out.
    form : CeedForm

    Returns
    -------
    spatial : array, (n_channels, n_channels)
    temporal : array, (form.n_samples, form.n_samples)
        Of variance 1 on average.
    """
    margin = round(QUIET_MARGIN_MS * form.sampling_frequency_hz / 1000)
    spatial = quiet_covariance(np.concatenate(pieces, axis=1), margin)
    total, count = np.zeros((form.n_samples, form.n_samples)), 0
    for piece in pieces:
        n_windows = piece.shape[1] // form.n_samples
        cut = piece[:, :n_windows * form.n_samples].reshape(-1, form.n_samples)
        cut = cut[np.abs(cut).max(axis=1) < LOUD]
        total, count = total + cut.T.astype(np.float64) @ cut, count + len(cut)
    if count < FEWEST_QUIET:
        raise UserError(f"only {count} stretches of {form.n_samples} samples are without spikes", "give a longer "
                        "recording: the noise cannot be measured")
    temporal = total / count
    return spatial, temporal / np.diag(temporal).mean()
