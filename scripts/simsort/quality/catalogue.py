"""What each metric of a recording is: title, unit, what it is measured on, its picture. Standard library only."""

from typing import NamedTuple


class Measure(NamedTuple):
    """`stage` is raw, processing or analysis, as aind-data-schema tells them apart."""

    title: str
    unit: str
    stage: str
    picture: str
    description: str


MEASURES = {
    "noise_raw_uv": Measure(
        "Noise, raw", "uV", "raw", "noise.png",
        "median over the channels of the noise level of the raw signal: median absolute deviation / 0.6745 in "
        "stretches of 1 s spread over the recording"),
    "noise_processed_uv": Measure(
        "Noise, preprocessed", "uV", "processing", "noise.png",
        "median over the channels of the noise level after filter and reference: median absolute deviation / "
        "0.6745 in stretches of 1 s spread over the recording"),
    "line_noise_raw_db": Measure(
        "Mains, raw", "dB", "raw", "spectra.png",
        "strongest line of the mains and its harmonics up to 1 kHz in the raw signal, over the spectrum 3 to "
        "10 Hz beside it; median over the channels"),
    "line_noise_processed_db": Measure(
        "Mains, preprocessed", "dB", "processing", "spectra.png",
        "strongest line of the mains and its harmonics up to 1 kHz after filter and reference, over the "
        "spectrum 3 to 10 Hz beside it; median over the channels"),
    "saturated_fraction": Measure(
        "Saturation", "", "raw", "timeline.png",
        "fraction of all samples at the converter's limits or on a plateau at the channel's own extreme"),
    "dead_time_fraction": Measure(
        "Dead time", "", "raw", "timeline.png",
        "fraction of the time in which no channel changes for 1 ms or longer"),
    "artifact_fraction": Measure(
        "Artefacts", "", "raw", "timeline.png",
        "fraction of the time within 1 ms of a step of the mean of all channels beyond 20 times its usual "
        "size and 25 uV"),
    "bad_channel_fraction": Measure(
        "Bad channels", "", "raw", "noise.png",
        "channels that are dead, noisy or outside the brain by coherence and power spectrum (by noise level "
        "on fewer than 22 channels)"),
    "sync_gaps": Measure(
        "Gaps in the timestamps", "", "raw", "",
        "seconds in which the recording's own timestamps, or intervals in which its sync pulse (SpikeGLX), deviate by "
        "more than 2 ms"),
    "drift_range_um": Measure(
        "Drift", "um", "processing", "drift.png",
        "largest minus smallest displacement of the depth window that moves most"),
    "drift_speed_um_per_s": Measure(
        "Drift speed", "um/s", "processing", "drift.png",
        "99th percentile of the displacement per second between temporal bins"),
    "motion_correlation": Measure(
        "Motion estimate: steadiness", "", "processing", "drift.png",
        "mean correlation of the peaks' histogram by depth of each time bin with that of the others, after "
        "correction"),
    "motion_noise_um": Measure(
        "Motion estimate: noise", "um", "processing", "drift.png",
        "error of the estimate (root mean square) by the difference between those from two halves of the peaks; "
        "10 min in the middle of a longer recording"),
    "motion_gain": Measure(
        "Motion estimate: gain", "", "processing", "drift.png",
        "that correlation minus the same before correction: negative where the estimate makes depths less "
        "steady"),
    "n_units": Measure(
        "Units", "", "analysis", "yield.png",
        "units after duplicates were removed"),
    "passing_unit_fraction": Measure(
        "Passing units", "", "analysis", "yield.png",
        "units that pass the quality rule, of those that could be judged"),
}
