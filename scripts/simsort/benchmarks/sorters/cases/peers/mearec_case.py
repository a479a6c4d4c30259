"""Make one recording with MEArec, its templates by its own 13 cells. Runs in MEArec's own environment.

python mearec_case.py '{"work": ..., "probe": "tetrode-mea-s", "drift_um": [0, 0, 40], ...}' RESULT.json

Templates are kept in the work folder under a hash of their settings. What is written for the other process:
`traces.raw` (float32, samples by channels), `truth.npz` (spikes, templates at every displacement, drift) in `folder`.
"""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np

TEMPLATE_SETTINGS = ("probe", "seed", "n_per_cell", "drift_um", "drift_steps", "n_contacts", "x_limits_um",
                     "cut_out_ms")
DRIFT_HZ = 10.0
KEPT_MS = (2.5, 4.0)


def main(settings: dict) -> dict:
    import MEArec

    work, folder = Path(settings["work"]).resolve(), Path(settings["folder"])
    os.chdir(work)  # MEArec writes its temporary parameters into the working directory
    add_probe(settings["probe"], work)
    recording = MEArec.gen_recordings(params=recording_params(settings), tempgen=templates_of(settings, work), n_jobs=1,
                                      drift_dicts=[ramp(settings)] if settings["drifting"] else None, verbose=False)
    np.ascontiguousarray(recording.recordings[:], dtype="float32").tofile(folder / "traces.raw")
    save_truth(recording, settings, folder / "truth.npz")
    return {"mearec": MEArec.__version__, "n_units": len(recording.spiketrains)}


def add_probe(name: str, work: Path) -> None:
    """Give MEAutility a Neuropixels 1.0 of any number of rows of four; it has only some."""
    import MEAutility

    if name in MEAutility.return_mea_list():
        return
    n_channels = int(name.rsplit("-", 1)[1])
    info = {"electrode_name": name, "description": "Neuropixels 1.0, some rows of it.", "sortlist": None,
            "pitch": [40.0, 16.0], "dim": [n_channels // 4, 4], "stagger": 20, "size": 6.0, "plane": "yz",
            "shape": "square", "type": "mea"}
    file = work / f"{name}.yaml"
    file.write_text(json.dumps(info))  # JSON is YAML
    MEAutility.add_mea(str(file))


def templates_of(settings: dict, work: Path):
    """Load the templates of these settings, or make them."""
    import MEArec

    used = {name: settings[name] for name in TEMPLATE_SETTINGS}
    key = hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()[:16]
    file = work / f"templates_{key}.h5"
    if not file.is_file():
        cells = compiled_cells(work)
        shutil.rmtree(work / "simulated" / "physrot", ignore_errors=True)  # of a run that was stopped
        made = MEArec.gen_templates(cells, params=template_params(settings), parallel=False, n_jobs=1, verbose=False,
                                    templates_tmp_folder=str(work / "simulated"))
        MEArec.save_template_generator(made, filename=str(work / f"part_{key}.h5"), verbose=False)
        (work / f"part_{key}.h5").rename(file)
    made = MEArec.load_templates(str(file), return_h5_objects=False)
    return with_halves(made) if settings["halves"] else made


def with_halves(made):
    """Put a template half-way between every two displacements: LFPy takes long to move a cell, and 2 um are little."""
    def halves(values: np.ndarray) -> np.ndarray:
        finer = np.empty((values.shape[0], 2 * values.shape[1] - 1, *values.shape[2:]), dtype=values.dtype)
        finer[:, ::2], finer[:, 1::2] = values, (values[:, 1:] + values[:, :-1]) / 2
        return finer

    made.templates, made.locations = halves(np.asarray(made.templates)), halves(np.asarray(made.locations))
    return made


def compiled_cells(work: Path) -> Path:
    """Return a copy of MEArec's cells with their mechanisms compiled."""
    import MEArec
    from MEArec import simulate_cells

    cells = work / "cells"
    if not (cells / "mods" / "compiled").is_file():
        shutil.rmtree(cells, ignore_errors=True)
        shutil.copytree(Path(MEArec.__file__).parent / "cell_models" / "bbp", cells)
        simulate_cells.compile_all_mechanisms(cells)
        (cells / "mods" / "compiled").touch()
    return cells


def template_params(settings: dict) -> dict:
    """Return MEArec's default template parameters with this case's."""
    import MEArec

    drift_um = np.array(settings["drift_um"], dtype=float)
    distance_um = float(np.linalg.norm(drift_um))
    limits = {f"drift_{axis}lim": [float(along), float(along)] for axis, along in zip("xyz", drift_um)}
    return MEArec.get_default_templates_params() | limits | {
        "n": settings["n_per_cell"], "seed": settings["seed"] + 1, "probe": settings["probe"], "drifting": True,
        "drift_steps": settings["drift_steps"], "max_drift": 1.01 * distance_um, "min_drift": 0.99 * distance_um,
        "ncontacts": settings["n_contacts"], "xlim": settings["x_limits_um"], "min_amp": 1.0,
        "cut_out": settings["cut_out_ms"]}


def recording_params(settings: dict) -> dict:
    """Return MEArec's default recording parameters with this case's."""
    import MEArec

    params = MEArec.get_default_recordings_params()
    n_excitatory = settings["n_excitatory"]
    params["spiketrains"] |= {"n_exc": n_excitatory, "n_inh": settings["n_units"] - n_excitatory,
                              "duration": settings["duration_s"]}
    params["templates"] |= {"min_amp": settings["amplitudes_uv"][0], "max_amp": settings["amplitudes_uv"][1],
                            "min_dist": settings["min_dist_um"], "n_jitters": settings["n_jitters"]}
    params["recordings"] |= settings["recording"] | {
        "fs": settings["fs_hz"], "drifting": settings["drifting"], "preferred_dir": settings["drift_um"],
        "angle_tol": 15, "chunk_duration": 20}
    params["seeds"] = dict.fromkeys(("spiketrains", "templates", "convolution", "noise"), settings["seed"])
    return params


def ramp(settings: dict) -> dict:
    """Return MEArec's drift signal that leads through all displacements, once and steadily.

    MEArec rounds it down to a displacement counted from the middle one; a signal that began at half its way below
    would begin before the first displacement, which MEArec takes for the last.
    """
    n_steps = 2 * settings["drift_steps"] - 1 if settings["halves"] else settings["drift_steps"]
    step_um = float(np.linalg.norm(settings["drift_um"])) / n_steps
    times_s = np.linspace(0, settings["duration_s"], int(settings["duration_s"] * DRIFT_HZ) + 1)
    path = np.linspace(-(n_steps // 2) + 0.1, n_steps // 2 + 0.9, len(times_s)) * step_um
    return {"drift_fs": DRIFT_HZ, "external_drift_times": times_s, "external_drift_vector_um": path.astype("float32")}


def save_truth(recording, settings: dict, file: Path) -> None:
    """Write spikes, displacements and templates."""
    from MEArec.tools import compute_drift_idxs_from_drift_list

    fs_hz = float(recording.fs.rescale("Hz"))
    trains = [np.round(np.asarray(train.times.rescale("s")) * fs_hz).astype("int64") for train in recording.spiketrains]
    templates, n_before = true_templates(recording, settings, fs_hz)
    grid = (np.arange(int(settings["duration_s"] * DRIFT_HZ)) + 0.5) / DRIFT_HZ * fs_hz  # middles of bins, in samples
    steps = np.zeros((len(grid), len(trains)), dtype="int64")
    if settings["drifting"]:
        steps = np.stack([compute_drift_idxs_from_drift_list(unit, grid, recording.drift_list, fs_hz)
                          for unit in range(len(trains))], axis=1).clip(0, templates.shape[1] - 1)
    np.savez(file, samples=np.concatenate(trains), labels=np.repeat(np.arange(len(trains)), [len(t) for t in trains]),
             steps=steps, steps_hz=DRIFT_HZ, n_before=n_before, fs_hz=fs_hz, templates=templates,
             positions_um=np.asarray(recording.channel_positions),
             cell_types=np.array([str(name) for name in recording.template_celltypes]))


def true_templates(recording, settings: dict, fs_hz: float) -> tuple[np.ndarray, int]:
    """Return the templates as they stand in the recording, and the sample of their peak.

    Returns
    -------
    templates : np.ndarray
        Units x steps x samples x channels, filtered like the recording, `KEPT_MS` around the peak.
    n_before : int
    """
    pre_ms, post_ms = settings["cut_out_ms"]
    pad_ms = recording.info["templates"]["pad_len"]
    kept = []
    for unit in range(len(recording.templates)):
        jittered = np.asarray(recording.templates[unit], dtype="float32")  # (steps x) jitters x channels x samples
        mean = jittered.mean(axis=-3)  # the jitters average to no jitter
        mean = mean if settings["drifting"] else mean[None]
        peak = int((pad_ms[0] + pre_ms) / (sum(pad_ms) + pre_ms + post_ms) * mean.shape[-1])
        before, after = (int(span_ms * fs_hz / 1000) for span_ms in KEPT_MS)
        whole = filter_like_recording(mean, recording, fs_hz)
        kept.append(np.swapaxes(whole[..., peak - before:peak + after], -1, -2))
    return np.stack(kept), before


def filter_like_recording(templates: np.ndarray, recording, fs_hz: float) -> np.ndarray:
    """Filter templates as MEArec filters its recordings, after extending them by zeros."""
    import quantities
    from MEArec.tools import filter_analog_signals

    info = recording.info["recordings"]
    if not info["filter"]:
        return templates
    margin = int(0.01 * fs_hz)
    padded = np.pad(templates, [(0, 0)] * (templates.ndim - 1) + [(margin, margin)])
    flat = padded.reshape(-1, padded.shape[-1]).T  # samples x the rest, as a recording
    filtered = filter_analog_signals(flat, freq=np.array(info["filter_cutoff"]) * quantities.Hz,
                                     fs=fs_hz * quantities.Hz, filter_type="bandpass", mode=info["filter_mode"],
                                     order=info["filter_order"])
    return filtered.T.reshape(padded.shape)[..., margin:-margin].astype("float32")


if __name__ == "__main__":
    result_file = Path(sys.argv[2]).resolve()
    result_file.write_text(json.dumps(main(json.loads(sys.argv[1]))))
