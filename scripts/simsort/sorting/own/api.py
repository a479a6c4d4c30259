"""Sort a SpikeInterface recording: what `simsort.sort` and `run_sorter("simsort", ...)` call."""

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from spikeinterface import NumpySorting
from threadpoolctl import threadpool_limits

from simsort import __version__
from simsort.errors import UserError
from simsort.models.ceed_folder import CeedModel, load_ceed
from simsort.models.shipped import SHIPPED, find_model
from simsort.preprocessing import motion as motion_steps
from simsort.preprocessing.chain import segment_starts
from simsort.sorting.own.blocks import channel_blocks, main_channels
from simsort.sorting.own.ceed_looks import check_ceed
from simsort.sorting.own.inputs import check_recording, one_form
from simsort.sorting.own.sort import OwnSorter, SortSettings
from simsort.sorting.own.traces import SAMPLING_FREQUENCY_HZ, prepare
from simsort.workers import job_kwargs, seeded

SHORTEST_S = 1.0  # fewer spikes than make a unit
MOTION_CHANNELS = 96  # from so many on motion is corrected where nothing else is said
MOTION_BIN_S = 2.0
DEVICES = ("auto", "cpu", "cuda")
ENCODERS = ("simsort", "ceed", "none")


def sort_recording(recording, settings: SortSettings | None = None, *, model="shipped", encoder: str = "simsort",
                   device: str = "auto", apply_motion_correction: bool | None = None,
                   motion_preset: str = "dredge_fast", n_jobs: int = 1,
                   progress: Callable[[str], None] | None = None,
                   scratch_folder: str | Path | None = None) -> NumpySorting:
    """Sort a recording.

    Parameters
    ----------
    recording : BaseRecording
        Raw or filtered, of any sampling rate, sample type and number of segments, with a probe if it has several
        channels.
    settings : SortSettings | None
    model : str | Path | None, default: "shipped"
        A model folder or `shipped`; see `load_networks`.
    encoder : "simsort" | "ceed" | "none"
        What tells which units are pieces of one neuron: the encoder of a model, CEED's, or nothing.
    device : "auto" | "cpu" | "cuda"
        Where the networks of a model run.
    apply_motion_correction : bool | None
        Estimate the motion of the tissue and take it out before sorting. None: from 96 channels on. Clusters follow
        slow drift without it.
    motion_preset : str
        One of SpikeInterface's.
    n_jobs : int
        Worker processes. The spikes do not depend on it.
    progress : callable | None
        Is called with a line on what is being done.
    scratch_folder : str | Path | None
        A folder with room for `settings.keep_gb` of filtered and whitened traces, in a folder of its own that is
        removed at the end; with it many channels are sorted faster, to the same spikes.

    Returns
    -------
    NumpySorting
        At the recording's own sampling rate and with its segments; units 0 to n - 1. Its annotation `warnings` is a
        list of what the user should know.

    Raises
    ------
    UserError
        If the recording cannot be sorted (`check_recording`), the model folder cannot be used or there is no scratch
        folder of this name.
    """
    check_recording(recording)
    check_scratch(scratch_folder)
    networks = load_networks(model, device, encoder)
    check_networks(networks, recording)
    return sort_checked(recording, settings, networks=networks, apply_motion_correction=apply_motion_correction,
                        motion_preset=motion_preset, n_jobs=n_jobs, progress=progress, scratch_folder=scratch_folder)


def sort_checked(recording, settings: SortSettings | None = None, *, networks=None,
                 apply_motion_correction: bool | None = None, motion_preset: str = "dredge_fast", n_jobs: int = 1,
                 progress: Callable[[str], None] | None = None,
                 scratch_folder: str | Path | None = None) -> NumpySorting:
    """Do as `sort_recording` for a recording that was checked, and networks that were loaded."""
    settings, say = settings or SortSettings(), progress or (lambda line: None)
    whole = one_form(recording, SAMPLING_FREQUENCY_HZ)
    trains, warnings = [], []
    published = networks is not None and networks.note["architecture"] == "paper"
    if recording.get_total_duration() < SHORTEST_S:
        warnings.append(f"{recording.get_total_duration():.2f} s are too short to tell units")
    elif published:
        from simsort.sorting.published import sort_as_published

        say("sorting as SimSort was published")
        trains = sort_as_published(whole, networks, settings.seed)
    else:
        with one_thread(), seeded(settings.seed):
            if wants_motion(whole, apply_motion_correction):
                whole, warning = without_motion(whole, motion_preset, n_jobs, say)
                warnings += [warning] if warning else []
            encoder = networks if isinstance(networks, CeedModel) else getattr(networks, "encoder", None)
            trains = sort_blocks(whole, settings, n_jobs, say, encoder, scratch_folder)
    return as_sorting(trains, recording, warnings)


def load_networks(model, device: str = "auto", encoder: str = "simsort"):
    """Return the networks of a model folder, None without one.

    The encoder tells which units are pieces of one neuron (`simsort.sorting.own.identity`, of CEED
    `simsort.sorting.own.ceed_looks`). A model of `--preset paper` sorts as SimSort was published
    (`simsort.sorting.published`).

    Parameters
    ----------
    model : str | Path | None
        A folder made by `simsort pretrain`, or `shipped`: the shipped one of the encoder that is asked for.
    device : "auto" | "cpu" | "cuda"
    encoder : "simsort" | "ceed" | "none"

    Returns
    -------
    networks : Model | CeedModel | None

    Raises
    ------
    UserError
        If it is no model folder of this version, damaged or of another method than the encoder's, there is no such
        encoder, or there is no such device.
    """
    check_choice("device", device, DEVICES)
    check_choice("encoder", encoder, ENCODERS)
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda is not there", "use device auto or cpu")
    if encoder == "none" and model not in (None, SHIPPED):
        raise UserError(f"encoder none takes no model, but model was given {str(model)!r}", "leave one of them out")
    if encoder == "ceed" and model is None:
        raise UserError("encoder ceed needs a model, but model was given None", "leave model out, or use encoder none")
    if model is None or encoder == "none":
        return None
    from simsort.models.model_folder import load_model

    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    return (load_ceed if encoder == "ceed" else load_model)(find_model(model, encoder), chosen)


def check_choice(name: str, value, allowed: tuple[str, ...]) -> None:
    """Refuse a value that a parameter cannot have."""
    if value not in allowed:
        raise UserError(f"{name} was given {value!r}", f"allowed: {', '.join(allowed)}")


def check_networks(networks, recording) -> None:
    """Refuse networks that cannot be used on a recording that `check_recording` let pass; see `check_ceed`."""
    if isinstance(networks, CeedModel):
        check_ceed(networks, recording)


def wants_motion(recording, asked: bool | None) -> bool:
    """Tell whether motion is to be corrected."""
    return recording.get_num_channels() >= MOTION_CHANNELS if asked is None else asked


def without_motion(recording, preset: str, n_jobs: int, say) -> tuple[object, str]:
    """Return a recording with its motion taken out, or as it is and why.

    The motion is estimated on the filtered recording and taken out of the unfiltered one: both are linear, so that the
    order does not matter.
    """
    say("estimating motion")
    if not recording.check_serializability("memory"):
        n_jobs = 1  # samples in memory cannot be handed to other processes
    info, reason = motion_steps.estimate(prepare(recording), preset, MOTION_BIN_S, job_kwargs(n_jobs, fresh=True))
    trouble = reason if info is None else motion_steps.describe_noise(info)
    if trouble:
        return recording, f"motion was not corrected: {trouble}"
    return motion_steps.correct(recording, info["motion"], preset), ""


def sort_blocks(recording, settings: SortSettings, n_jobs: int, say, encoder=None,
                scratch_folder=None) -> list[np.ndarray]:
    """Return the spike samples of every unit of a recording of one segment."""
    blocks = channel_blocks(np.asarray(recording.get_channel_locations()))
    found = []
    for number, (centres, channels) in enumerate(blocks, 1):
        say(f"sorting {len(channels)} channels" + (f", block {number} of {len(blocks)}" if len(blocks) > 1 else ""))
        part = recording if len(blocks) == 1 else recording.select_channels(recording.channel_ids[channels])
        with scratch_below(scratch_folder) as scratch:
            sorter = OwnSorter(part, settings, encoder=encoder, n_jobs=n_jobs, progress=say, scratch=scratch)
            trains = sorter.sort()
            if len(blocks) > 1 and trains:
                main = channels[main_channels(sorter.traces, trains)]
                trains = [train for train, channel in zip(trains, main) if channel in set(centres)]
        ratio = recording.get_sampling_frequency() / sorter.traces.recording.get_sampling_frequency()
        found += [np.round(train * ratio).astype(np.int64) for train in trains]
    return found


def check_scratch(folder: str | Path | None) -> None:
    """Refuse a scratch folder that is not there."""
    if folder is not None and not Path(folder).is_dir():
        raise UserError(f"scratch_folder was given {str(folder)!r}: there is no such folder", "make it, or leave it out")


@contextlib.contextmanager
def scratch_below(folder: str | Path | None):
    """Give a new folder below one, removed with what it holds afterwards; None if there is none to be below."""
    if folder is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="traces-", dir=folder, ignore_cleanup_errors=True) as scratch:
        yield Path(scratch)


def as_sorting(trains: list[np.ndarray], recording, warnings: list[str]) -> NumpySorting:
    """Return a sorting of spike samples counted over all segments, cut at their ends."""
    starts = segment_starts(recording)
    units = [{} for _ in range(recording.get_num_segments())]
    for unit, train in enumerate(trains):
        inside = np.unique(np.clip(train, 0, starts[-1] - 1))
        for segment, (start, stop) in enumerate(zip(starts[:-1], starts[1:])):
            units[segment][unit] = inside[(inside >= start) & (inside < stop)] - start
    sorting = NumpySorting.from_unit_dict(units, recording.get_sampling_frequency())
    sorting.annotate(simsort_version=__version__, warnings=warnings)
    return sorting


@contextlib.contextmanager
def one_thread():
    """Let torch and the linear algebra of numpy use one thread: their sums would depend on the number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
