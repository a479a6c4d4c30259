"""Every metric of one recording, from what the stages left."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import spikeinterface.full as si

from simsort.preprocessing.whole import load_whole
from simsort.quality.drift import Drift, measure_drift
from simsort.quality.metric import Metric
from simsort.quality.scan import KEPT_TIMES, MIN_CHANNELS_FOR_ARTIFACTS, Scan, scan
from simsort.quality.spectra import Spectra, line_noise, measure_spectra


@dataclasses.dataclass
class Measured:
    """What the pictures are drawn from; None where a stage left nothing."""

    raw: object
    processed: object | None
    scan: Scan
    spectra: dict[str, Spectra]
    drift: Drift | None
    units: list[dict] | None
    bad_channels: dict[str, str]
    metrics: list[Metric] = dataclasses.field(default_factory=list)


def measure(job: dict, data_root: Path, preprocessed: Path | None, curated: Path | None, settings: dict,
            job_kwargs: dict) -> Measured:
    """Measure one recording.

    Parameters
    ----------
    job : dict
        The recording as dispatch described it.
    data_root : Path
        Folder the job's paths start from.
    preprocessed, curated : Path | None
        Output folders of these stages; what is missing there makes its metrics unknown.
    settings : dict
        Settings of the quality control stage.
    job_kwargs : dict
        SpikeInterface's job keywords.
    """
    raw = si.load(job["recording_dict"], base_folder=data_root)
    before = read_record(preprocessed)
    binary = preprocessed and Path(preprocessed) / "binary"
    processed = load_whole(binary) if binary and binary.is_dir() else None
    spectra = {"raw": measure_spectra(raw, settings["n_chunks"])}
    if processed is not None:
        spectra["processed"] = measure_spectra(processed, settings["n_chunks"])
    after = read_record(curated)
    measured = Measured(
        raw=raw, processed=processed, scan=scan(raw, job_kwargs), spectra=spectra,
        drift=measure_drift(processed, Path(preprocessed) / "motion") if processed is not None else None,
        units=after.get("outputs", {}).get("units"),
        bad_channels={str(k): v for k, v in before.get("outputs", {}).get("bad_channels", {}).items()})
    measured.metrics = [
        *noise_metrics(measured), *line_metrics(measured, settings["line_frequency_hz"]), *scan_metrics(measured),
        bad_channel_metric(measured, before), sync_metric(job), *drift_metrics(measured.drift, before),
        *yield_metrics(measured.units, after)]
    return measured


def read_record(folder: Path | None) -> dict:
    """Read a stage's record, or return an empty mapping where the stage did not run."""
    path = folder and Path(folder) / "record.json"
    return json.loads(path.read_text()) if path and path.is_file() else {}


def noise_metrics(measured: Measured) -> list[Metric]:
    """Return the noise levels before and after preprocessing."""
    metrics = []
    for which, source in (("raw", measured.raw), ("processed", measured.processed)):
        spectra, value, details = measured.spectra.get(which), None, {}
        reason = "preprocessing left no recording"
        if spectra is not None:
            scaled = source.has_scaleable_traces()
            value = float(np.median(spectra.noise)) if scaled else None
            reason = "" if scaled else "the recording has no gain to uV"
            details = {"median_rms": round_to(float(np.median(spectra.rms))), "n_stretches": spectra.n_stretches,
                       "quantiles_0_50_100": [round_to(float(q)) for q in np.quantile(spectra.noise, [0, 0.5, 1])]}
        metrics.append(Metric(f"noise_{which}_uv", value, reason, details))
    return metrics


def line_metrics(measured: Measured, mains_hz: float | None) -> list[Metric]:
    """Return how far the mains stands out of the spectra before and after preprocessing."""
    metrics = []
    for which in ("raw", "processed"):
        found = line_noise(measured.spectra[which], mains_hz) if which in measured.spectra else {}
        value, reason, details = found.get("excess_db"), "preprocessing left no recording", {}
        if found:
            reason = "" if value is not None else "too short a recording"
            details = {"strongest_hz": found["frequency_hz"], "mains_hz": found["mains_hz"],
                       "lines_db": {f"{k:g}": round_to(v) for k, v in found["lines"].items()}}
        metrics.append(Metric(f"line_noise_{which}_db", value, reason, details))
    return metrics


def scan_metrics(measured: Measured) -> list[Metric]:
    """Return saturation, dead time and artefacts of the raw recording, every sample of which was read."""
    found, by_channel = measured.scan, measured.scan.saturated_by_channel
    worst = [i for i in np.argsort(by_channel)[::-1][:10] if by_channel[i]]
    worst = {str(measured.raw.channel_ids[i]): round_to(float(by_channel[i])) for i in worst}
    few = found.n_artifacts is None
    times = {} if few else {"n_artifacts": found.n_artifacts, f"first_{KEPT_TIMES}_times_s": found.artifact_times_s}
    return [
        Metric("saturated_fraction", found.fraction(found.saturated), details={"worst_channels": worst}),
        Metric("dead_time_fraction", found.fraction(found.dead),
               details={"dead_s": round_to(float(found.dead @ found.durations_s))}),
        Metric("artifact_fraction", None if few else found.fraction(found.artifact),
               f"fewer than {MIN_CHANNELS_FOR_ARTIFACTS} channels: a spike may reach all" if few else "", times)]


def bad_channel_metric(measured: Measured, before: dict) -> Metric:
    """Return the share of channels that preprocessing found bad."""
    if "bad_channels" not in before.get("outputs", {}):
        return Metric("bad_channel_fraction", None, before.get("reason") or "preprocessing did not run")
    return Metric("bad_channel_fraction", len(measured.bad_channels) / measured.raw.get_num_channels(),
                  details={"channels": measured.bad_channels})


def sync_metric(job: dict) -> Metric:
    """Return the gaps in the recording's own timestamps, where the format has them."""
    sync = dict(job.get("sync") or {})
    n_gaps, reason = sync.pop("n_gaps", None), sync.pop("reason", "the timestamps were not looked at")
    return Metric("sync_gaps", n_gaps, "" if n_gaps is not None else reason, sync)


def drift_metrics(drift: Drift | None, before: dict) -> list[Metric]:
    """Return size, speed and quality of the estimated motion."""
    if drift is None:
        skipped = before.get("parameters", {}).get("motion") == "skip"
        reason = "motion was not estimated" + (" (--preprocessing.motion skip)" if skipped else "")
        return [Metric(name, None, reason)
                for name in ("drift_range_um", "drift_speed_um_per_s", "motion_correlation", "motion_noise_um",
                             "motion_gain")]
    was, now = drift.correlation_before, drift.correlation_after
    unclear = was is None or now is None
    reason = "too few peaks" if unclear else ""
    noted = before.get("outputs", {}).get("motion", {})
    noise_um = noted.get("noise_um")
    return [
        Metric("drift_range_um", drift.range_um, details={"median_range_um": round_to(drift.median_range_um)}),
        Metric("drift_speed_um_per_s", drift.speed_um_per_s),
        Metric("motion_correlation", now, reason, {} if unclear else {"before_correction": round_to(was)}),
        Metric("motion_noise_um", noise_um, "" if noise_um is not None else noted.get("noise_unknown") or "not measured",
               {} if noise_um is None else {"reliability": noted["reliability"]}),
        Metric("motion_gain", None if unclear else now - was, reason)]


def yield_metrics(units: list[dict] | None, after: dict) -> list[Metric]:
    """Return how many units there are and how many pass the rule."""
    reason = "" if units is not None else after.get("reason") or "the recording was not sorted"
    labels = [unit["label"] for unit in units or []]
    counts = {label: labels.count(label) for label in ("pass", "fail", "unknown")}
    judged = counts["pass"] + counts["fail"]
    passing = counts["pass"] / judged if judged else None
    return [
        Metric("n_units", None if units is None else len(units), reason),
        Metric("passing_unit_fraction", passing, reason or ("" if judged else "no unit could be judged"),
               counts | {"rule": after.get("outputs", {}).get("rule")})]


def round_to(value: float, digits: int = 4) -> float:
    """Round to significant digits, for files that people read."""
    return float(f"{value:.{digits}g}")
