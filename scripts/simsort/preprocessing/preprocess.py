"""Preprocess one recording: from a job of dispatch to the recording the sorters read."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
from spikeinterface import get_noise_levels, load

from simsort.errors import UserError
from simsort.preprocessing import motion as motion_steps
from simsort.preprocessing.bad_channels import find_bad_channels
from simsort.preprocessing.chain import cut_time, filter_recording, reference
from simsort.preprocessing.finite import check_finite
from simsort.preprocessing.whole import write_note
from simsort.workers import seeded


@dataclasses.dataclass
class Preprocessed:
    """What became of a recording: state "done" or "skipped", why, small facts and warnings for the record."""

    state: str = "done"
    reason: str = ""
    outputs: dict = dataclasses.field(default_factory=dict)
    warnings: list = dataclasses.field(default_factory=list)


def data_root(data_path: Path) -> Path:
    """Return the folder the paths of a job are relative to: the data folder, or the one that holds the data file."""
    data_path = Path(data_path).resolve()
    return data_path if data_path.is_dir() else data_path.parent


def preprocess_recording(job: dict, data_path: Path, settings: dict, out: Path, job_kwargs: dict) -> Preprocessed:
    """Preprocess one recording and save it.

    Parameters
    ----------
    job : dict
        One recording as found by dispatch (`recording_dict` with paths relative to the data).
    data_path : Path
        The session: a folder or a file.
    settings : dict
        Settings of the stage (`simsort.config.stages.Preprocessing`).
    out : Path
        Existing folder; `binary/`, `recording.json` and `motion/` are written into it.
    job_kwargs : dict
        SpikeInterface's job keywords.

    Returns
    -------
    Preprocessed

    Raises
    ------
    UserError
        If the recording holds NaN, the disk has no room for it, or a step was asked for that it does not allow.
    """
    out, root = Path(out), data_root(data_path)
    motion_steps.check_preset_installed(settings["motion_preset"] if settings["motion"] != "skip" else "")
    with seeded(settings["seed"]):
        raw = load_raw(job, root)
        raw = cut_time(raw, settings["t_start"], settings["t_stop"])
        duration_s, shortest_s = raw.get_total_duration(), settings["min_duration_for_preprocessing"]
        if duration_s < shortest_s and not job.get("debug"):
            return Preprocessed("skipped", f"{duration_s:.2f} s are shorter than --preprocessing."
                                f"min-duration-for-preprocessing {shortest_s:g} s")
        check_finite(raw, source_of(job), job_kwargs)
        result, recording = clean(raw, settings, job_kwargs)
        if recording is None:
            return result
        check_space(recording, out, settings["motion"] == "apply")
        recording = handle_motion(recording, settings, out, job_kwargs, result)
        save_recording(recording, out, root, job_kwargs)
        result.outputs |= describe(load(out / "binary"), settings["seed"], job_kwargs)
    return result


def load_raw(job: dict, root: Path):
    """Load the raw recording of a job.

    Raises
    ------
    UserError
        If the files are no longer where dispatch found them.
    """
    try:
        return load(job["recording_dict"], base_folder=root)
    except FileNotFoundError as error:
        raise UserError(f"{source_of(job)} cannot be read under {root} ({error.filename or error})",
                        "give --data the folder that holds the session") from error


def source_of(job: dict) -> str:
    """Name the file a recording came from, for messages."""
    files = [entry[0] for entry in job.get("fingerprint", []) if not str(entry[0]).endswith((".meta", ".json", ".xml"))]
    return f"{job['recording_name']} ({files[0]})" if files else job["recording_name"]


def clean(raw, settings: dict, job_kwargs: dict):
    """Filter, remove bad channels and reference.

    Returns
    -------
    result : Preprocessed
        With the bad channels; skipped if too many are bad.
    recording : BaseRecording | None
        None if skipped.
    """
    recording, steps = filter_recording(raw, settings)
    bad, warnings = find_bad_channels(recording, settings["seed"], job_kwargs)
    outputs = dict(n_channels_in=raw.get_num_channels(), bad_channels={str(k): v for k, v in bad.items()})
    result = Preprocessed(outputs=outputs, warnings=warnings)
    fraction, limit = len(bad) / raw.get_num_channels(), settings["max_bad_channel_fraction"]
    if fraction > limit or fraction == 1.0:
        result.state = "skipped"
        result.reason = (f"{len(bad)} of {raw.get_num_channels()} channels are bad, more than "
                         f"--preprocessing.max-bad-channel-fraction {limit:g}")
        return result, None
    outside = [channel for channel, label in bad.items() if label == "out"]
    broken = [channel for channel, label in bad.items() if label != "out"]
    if settings["remove_out_channels"] and outside:
        recording = recording.remove_channels(outside)
        steps.append("remove_out_channels")
    recording, more_steps, more_warnings = reference(recording, broken, settings)
    steps += more_steps
    if settings["remove_bad_channels"] and broken:
        recording = recording.remove_channels(broken)
        steps.append("remove_bad_channels")
    result.warnings += more_warnings
    outputs["steps"] = steps
    return result, recording


def handle_motion(recording, settings: dict, out: Path, job_kwargs: dict, result: Preprocessed):
    """Estimate the motion and apply it as the settings say; write `motion/` and fill in the result.

    Raises
    ------
    UserError
        If motion is to be applied and cannot be estimated, or the estimate is noise.
    """
    if settings["motion"] == "skip":
        return recording
    preset = settings["motion_preset"]
    get_noise_levels(recording, return_in_uV=False, random_slices_kwargs=dict(seed=settings["seed"]), **job_kwargs)
    info, reason = motion_steps.estimate(recording, preset, settings["motion_temporal_bin_s"], job_kwargs,
                                         settings["seed"])
    trouble = f"motion was not estimated: {reason}" if info is None else motion_steps.describe_noise(info)
    if trouble and settings["motion"] == "apply":
        raise UserError(f"--preprocessing.motion apply: {trouble}",
                        "use --preprocessing.motion compute or skip for this session")
    result.warnings += [trouble] if trouble else []
    if info is None:
        return recording
    motion_steps.save(info, out / "motion")
    result.outputs["motion"] = motion_steps.summarise(info, preset) | dict(applied=settings["motion"] == "apply")
    if settings["motion"] == "apply":
        result.outputs["steps"].append("motion_correction")
        return motion_steps.correct(recording, info["motion"], preset)
    return recording


def check_space(recording, out: Path, as_float: bool) -> None:
    """Raise before anything heavy if the disk has no room for the copy of the recording that later stages read.

    Raises
    ------
    UserError
        Naming what is needed and what is free.
    """
    itemsize = 4 if as_float else recording.get_dtype().itemsize
    needed_bytes = recording.get_total_samples() * recording.get_num_channels() * itemsize
    free_bytes = shutil.disk_usage(out).free
    if free_bytes < 1.05 * needed_bytes:
        raise UserError(f"no space left on the disk of {Path(out).resolve()}: the preprocessed recording takes "
                        f"{needed_bytes / 1e9:.3f} GB and {free_bytes / 1e9:.3f} GB are free",
                        "free some or choose another WORK_DIR, and run again: finished stages are kept")


def save_recording(recording, out: Path, root: Path, job_kwargs: dict) -> None:
    """Write the lazy chain as `recording.json`, relative to the data, and the samples as `binary/`."""
    # Paths inside the chain are relative to the data root and not to this file, so that both may move.
    recording.dump_to_json(out / "recording.json", relative_to=root)
    part = out / "binary.part"
    recording.save(folder=part, format="binary", verbose=False, **job_kwargs)
    (part / "provenance.json").unlink(missing_ok=True)  # the same chain with this machine's paths
    write_note(part)
    part.rename(out / "binary")


def describe(recording, seed: int, job_kwargs: dict) -> dict:
    """Return the small facts of the preprocessed recording."""
    scaled = recording.has_scaleable_traces()
    noise = get_noise_levels(recording, return_in_uV=scaled, random_slices_kwargs=dict(seed=seed), **job_kwargs)
    quantiles = [round(float(q), 3) for q in np.quantile(noise, [0.0, 0.5, 1.0])]
    return dict(n_channels_out=recording.get_num_channels(), n_segments=recording.get_num_segments(),
                duration_s=recording.get_total_duration(), dtype=str(recording.get_dtype()),
                sampling_frequency_hz=recording.get_sampling_frequency(),
                **{"noise_levels_uv" if scaled else "noise_levels": dict(zip(("min", "median", "max"), quantiles))})


def read_job(path: Path) -> dict:
    """Read a job file of dispatch.

    Raises
    ------
    UserError
        If it is missing or not a job.
    """
    remedy = "give a <number>.json file written by simsort dispatch"
    try:
        job = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise UserError(f"job file {path} does not exist", remedy) from None
    except ValueError as error:
        raise UserError(f"job file {path} is not JSON ({error})", remedy) from None
    if not isinstance(job, dict) or "recording_name" not in job:
        raise UserError(f"job file {path} describes no recording", remedy)
    return job
