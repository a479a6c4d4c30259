"""One sorter on one recording, in a process of its own.

python -m simsort.benchmarks.sorters.run_one '{"sorter": "lupin", "motion": false, "recording": ..., ...}' RESULT.json
"""

import json
import sys
import time
import traceback
from pathlib import Path

from simsort.errors import one_line

SORTER_SETTINGS = {"sorter_params": {}, "min_drift_channels": 1}
OUTSIDE_PRESET = "dredge_fast"  # of the pipeline's own motion correction, for a sorter that has none
BAND_HZ = (300.0, 6000.0)


def main(settings: dict) -> dict:
    """Sort a recording; the sorting lies in `folder` afterwards.

    Parameters
    ----------
    settings : dict
        `sorter`, `motion`, `seed`, `n_jobs`, `recording` and `folder`; `params` where some of its own differ, `stop_s`
        and `start_s` for a part of the recording.

    Returns
    -------
    result : dict
        `sort_s`, `n_units`, `params`, `warnings`.
    """
    from spikeinterface import load

    from simsort.sorting.registry import SORTERS
    from simsort.sorting.sort import sort_recording
    from simsort.workers import job_kwargs

    sorter = SORTERS[settings["sorter"]]
    recording = part_of(load(settings["recording"]), settings)
    started = time.perf_counter()
    jobs = job_kwargs(settings["n_jobs"], fresh=sorter.fresh_workers)
    folder = Path(settings["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    if settings["motion"] and sorter.set_motion is None:
        recording = corrected(recording, settings["seed"], jobs)
    options = SORTER_SETTINGS | {"seed": settings["seed"], "skip_motion_correction": not settings["motion"],
                                 "sorter_params": settings.get("params", {})}
    done = sort_recording(recording, settings["sorter"], options, folder, jobs)
    return {"sort_s": time.perf_counter() - started, "n_units": done.outputs["n_units"], "params": done.parameters,
            "warnings": done.warnings}


def part_of(recording, settings: dict):
    """Return the part between `start_s` and `stop_s`."""
    fs_hz, n_samples = recording.get_sampling_frequency(), recording.get_num_samples()
    start, stop = (settings.get(name) for name in ("start_s", "stop_s"))
    if start is None and stop is None:
        return recording
    return recording.frame_slice(int((start or 0) * fs_hz), n_samples if stop is None else int(stop * fs_hz))


def corrected(recording, seed: int, jobs: dict):
    """Return a recording with its motion taken out before the sorter sees it."""
    from spikeinterface.preprocessing import bandpass_filter, common_reference, correct_motion

    from simsort.preprocessing.chain import MIN_CHANNELS_FOR_REFERENCE
    from simsort.workers import seeded

    band = bandpass_filter(recording, *BAND_HZ, dtype="float32")
    if recording.get_num_channels() >= MIN_CHANNELS_FOR_REFERENCE:
        band = common_reference(band)
    with seeded(seed):
        return correct_motion(band, preset=OUTSIDE_PRESET, **jobs)


if __name__ == "__main__":
    result_file, status = Path(sys.argv[2]).resolve(), 0
    try:
        content = main(json.loads(sys.argv[1]))
    except Exception as failure:  # whatever a sorter does, the table says why it has no result
        traceback.print_exc()
        content, status = {"error": one_line(failure)}, 1
    result_file.write_text(json.dumps(content, default=str))
    sys.exit(status)
