"""Draw every picture of one recording."""

import json
from pathlib import Path

from simsort.curation.rule import parse_rule
from simsort.visualization.drift import draw_drift_map, draw_motion
from simsort.visualization.overview import draw_metrics, draw_rates
from simsort.visualization.peaks import detect_sampled_peaks, load_peaks
from simsort.visualization.probe import draw_probe
from simsort.visualization.raster import draw_raster
from simsort.visualization.style import Picture
from simsort.visualization.traces import MAX_SEGMENTS, draw_traces
from simsort.visualization.unit_data import load_units
from simsort.visualization.unit_pages import draw_unit_pages


def draw_pictures(job: dict, data_path: Path, preprocessed: Path, postprocessed: Path | None, curated: Path | None,
                  folder: Path, settings: dict, n_jobs: int = 1) -> tuple[list[Picture], list[str]]:
    """Draw every picture of one recording that its data allow.

    Parameters
    ----------
    job : dict
        The recording as dispatch described it.
    data_path : Path
        The session, for the raw traces.
    preprocessed : Path
        Output folder of preprocess.
    postprocessed, curated : Path | None
        Output folders of these stages; without them, or without units, the pictures of units are left out.
    folder : Path
        Where the PNG files go.
    settings : dict
        Settings of the visualization stage.
    n_jobs : int, default: 1
        Worker processes.

    Returns
    -------
    pictures : list of Picture
        In the order to show.
    warnings : list of str
        What was left out and why.
    """
    raw = load_raw(job, data_path)
    record = read_json(Path(preprocessed) / "record.json")
    bad_channels = {str(k): v for k, v in record.get("outputs", {}).get("bad_channels", {}).items()}
    snippets = dict(n_snippets=settings["timeseries_n_snippets_per_segment"],
                    snippet_duration_s=settings["timeseries_snippet_duration_s"])
    pictures = draw_traces(raw, folder, which="full", title="Raw traces", bad_channels=bad_channels, **snippets)
    warnings = []
    if raw.get_num_segments() > MAX_SEGMENTS:
        warnings.append(f"traces are drawn for the first {MAX_SEGMENTS} of {raw.get_num_segments()} segments")
    if not (Path(preprocessed) / "binary").is_dir():
        return pictures + [draw_probe(raw, folder, None, bad_channels)], warnings
    recording = load_preprocessed(preprocessed)
    pictures += draw_traces(recording, folder, which="proc", title="Processed traces", **snippets)
    applied = record.get("parameters", {}).get("motion") == "apply"
    pictures += draw_peaks(recording, Path(preprocessed) / "motion", folder, settings, applied, n_jobs)
    units = load_units(postprocessed, curated)
    pictures.append(draw_probe(raw, folder, units, bad_channels))
    if units is None:
        return pictures, [*warnings, "there are no units to draw"]
    if len(units.ids) > settings["max_unit_pictures"]:
        warnings.append(f"pictures of units are drawn for {settings['max_unit_pictures']} of {len(units.ids)} units "
                        "(--visualization.max-unit-pictures)")
    rule_text = read_json(curated and Path(curated) / "record.json").get("parameters", {}).get("rule")
    metrics = draw_metrics(units, folder, parse_rule(rule_text) if rule_text else ())
    return [*pictures, draw_raster(recording, units, folder), draw_rates(recording, units, folder),
            *([metrics] if metrics else []),
            *draw_unit_pages(recording, units, folder, settings["max_unit_pictures"])], warnings


def load_raw(job: dict, data_path: Path):
    """Load the raw recording of a job relative to the session's folder."""
    from spikeinterface import load

    data_path = Path(data_path)
    return load(job["recording_dict"], base_folder=data_path if data_path.is_dir() else data_path.parent)


def load_preprocessed(preprocessed: Path):
    """Load the preprocessed recording that later stages read."""
    from spikeinterface import load

    return load(Path(preprocessed) / "binary")


def draw_peaks(recording, motion_folder: Path, folder, settings: dict, applied: bool, n_jobs: int) -> list[Picture]:
    """Draw the drift map and, if motion was estimated, the motion."""
    peaks = load_peaks(motion_folder, recording, settings["drift_n_skip"])
    if peaks is None:
        peaks = detect_sampled_peaks(recording, settings["drift_detect_threshold"], n_jobs)
    pictures = [draw_drift_map(recording, peaks, folder, settings)]
    if (motion_folder / "motion").is_dir():
        from spikeinterface.core.motion import Motion

        motion = Motion.load(motion_folder / "motion")
        pictures.append(draw_motion(recording, peaks, motion, folder, settings, applied))
    return pictures


def read_json(path: Path | None) -> dict:
    """Read a JSON file, or return an empty mapping if there is none."""
    return json.loads(path.read_text()) if path and path.is_file() else {}
