"""What the sorter takes: recordings are checked, and brought into the one form that it works on."""

import numpy as np
import spikeinterface.preprocessing as spre
from spikeinterface.core import BaseRecording, BaseRecordingSegment
from spikeinterface.preprocessing.basepreprocessor import BasePreprocessor

from simsort.errors import UserError
from simsort.preprocessing.chain import one_segment
from simsort.preprocessing.finite import check_finite
from simsort.workers import job_kwargs

LEAST_RATE_HZ = 5000.0  # half of it, and no band of spikes is left
SAME_RATE = 0.002  # relative: clocks of amplifiers differ by less, waveforms do not care
THICK_UM = 50.0
BESIDE_UM = 1e-3  # between contacts that lie behind one another


def check_recording(recording) -> None:
    """Refuse recordings that cannot be sorted.

    Parameters
    ----------
    recording : BaseRecording
        Floating-point samples are read once.

    Raises
    ------
    UserError
        If it is no recording, is sampled too slowly for spikes, holds numbers that are no samples (NaN, infinite,
        complex), or its contacts have no usable places.
    """
    if not isinstance(recording, BaseRecording):
        raise UserError(f"{type(recording).__name__} is no recording",
                        "give a SpikeInterface recording, for instance spikeinterface.NumpyRecording")
    if recording.get_num_channels() == 0:
        raise UserError("the recording has no channels", "choose channels that are there")
    dtype, fs = recording.get_dtype(), recording.get_sampling_frequency()
    if dtype.kind not in "iuf":
        raise UserError(f"the recording's samples are {dtype}", "give integers or floating-point numbers")
    if fs < LEAST_RATE_HZ:
        raise UserError(f"the recording is sampled at {fs:g} Hz, too slowly for spikes",
                        f"give the broad-band recording, with {LEAST_RATE_HZ:g} Hz or more")
    check_contacts(recording)
    check_finite(recording, "the recording", job_kwargs(1),
                 remedy="replace such samples, or leave that part out with recording.frame_slice")


def check_contacts(recording) -> None:
    """Refuse probes whose contacts have no places of their own in a plane."""
    n_channels = recording.get_num_channels()
    if not recording.has_channel_location():
        if n_channels > 1:
            raise UserError(f"the recording's {n_channels} channels have no positions",
                            "give it a probe with recording.set_probe, for instance probeinterface.generate_tetrode()")
        return
    axes = "xyz" if recording.is_probe_3d() else "xy"
    places_um = np.asarray(recording.get_channel_locations(axes=axes), dtype=float)
    if not np.isfinite(places_um).all():
        raise UserError("contacts of the probe have positions that are no numbers", "correct the probe")
    thickness_um = extents(places_um)[0][2] if places_um.shape[1] == 3 else 0.0
    if thickness_um > THICK_UM:
        raise UserError(f"the probe's contacts lie in no plane (they are {thickness_um:.0f} um apart across it)",
                        "sort shank by shank: recording.split_by('group')")
    _, first, counts = np.unique(contacts_in_plane(recording).round(3), axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        channel = recording.channel_ids[first[counts.argmax()]]
        raise UserError(f"{counts.max()} channels lie at one place, that of channel {channel}",
                        "correct the probe's positions, or sort probe by probe: recording.split_by('group')")


def extents(places_um: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far points (n, 3) spread along three axes, largest first, and the axes (3, 3) in rows."""
    axes = np.linalg.svd(places_um - places_um.mean(axis=0), full_matrices=True)[2]
    axes *= np.where(axes[np.arange(3), np.abs(axes).argmax(axis=1)] < 0, -1.0, 1.0)[:, None]
    return np.ptp(places_um @ axes.T, axis=0), axes


def contacts_in_plane(recording) -> np.ndarray:
    """Return the contacts (n_channels, 2) in um, of a probe in space in its plane with the longer axis as y."""
    if not recording.has_channel_location():
        return np.zeros((recording.get_num_channels(), 2))
    if not recording.is_probe_3d():
        return np.asarray(recording.get_channel_locations(), dtype=float)[:, :2]
    places_um = np.asarray(recording.get_channel_locations(axes="xyz"), dtype=float)
    if np.ptp(places_um[:, 2]) == 0:
        return places_um[:, :2]
    flat_um = places_um @ extents(places_um)[1][[1, 0]].T
    flat_um[:, 0] += BESIDE_UM * np.arange(len(flat_um))
    return flat_um


def one_form(recording, nominal_rate_hz: float):
    """Return a recording of one segment, with signed samples and contacts in a plane.

    Parameters
    ----------
    recording : BaseRecording
        That `check_recording` let pass.
    nominal_rate_hz : float
        Sampling rate that a recording gets whose own is nearly that: sample for sample, without resampling.

    Returns
    -------
    BaseRecording
        Lazy; samples are those of the segments put end to end.
    """
    contacts_um = contacts_in_plane(recording)
    whole = one_segment(recording)  # without time vectors too: only samples count
    if whole.get_dtype().kind == "u":
        # around zero, as the filter would ring at the ends; its offset in uV does not matter behind a high-pass filter
        whole = spre.unsigned_to_signed(whole) if whole.get_dtype().itemsize < 8 else spre.astype(whole, "float64")
    if 0 < abs(whole.get_sampling_frequency() / nominal_rate_hz - 1) < SAME_RATE:
        whole = RenamedRate(whole, nominal_rate_hz)
    whole.set_dummy_probe_from_locations(contacts_um)
    return whole


class RenamedRate(BasePreprocessor):
    """The same samples under another sampling rate.

    Parameters
    ----------
    recording : BaseRecording
        One segment without times of its own.
    sampling_frequency : float
        In Hz.
    """

    def __init__(self, recording, sampling_frequency: float):
        super().__init__(recording, sampling_frequency=sampling_frequency)
        self.add_recording_segment(_SameSamples(recording.segments[0], sampling_frequency))
        self._kwargs = dict(recording=recording, sampling_frequency=sampling_frequency)


class _SameSamples(BaseRecordingSegment):
    def __init__(self, parent, sampling_frequency: float):
        super().__init__(sampling_frequency=sampling_frequency)
        self.parent = parent

    def get_num_samples(self) -> int:
        return self.parent.get_num_samples()

    def get_traces(self, start_frame=None, end_frame=None, channel_indices=None):
        return self.parent.get_traces(start_frame, end_frame, channel_indices)
