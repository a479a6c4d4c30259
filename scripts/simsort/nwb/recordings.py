"""What the stages left of each recording of one NWB file."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import spikeinterface.full as si

from simsort.nwb.names import plain, shank_of, stream_of, unique


@dataclasses.dataclass
class NwbRecording:
    """One recording: its job, its raw signal, what became of it.

    Attributes
    ----------
    job : dict
        As dispatch described it.
    name : str
        Its name within the file: the probe's stream, and the shank where there are several.
    raw, lfp : BaseRecording | None
        The recording as acquired, and its low-frequency partner.
    sorting : BaseSorting | None
        The curated units; None where the recording was not sorted.
    analyzer : SortingAnalyzer | None
        For templates and locations.
    first_frame : int
        Sample of the raw recording (all segments end to end) at which sorting began (--preprocessing.t-start).
    lengths : list of int
        Samples of each segment that was sorted.
    bad_channels : dict
        {channel id: label} from preprocessing.
    """

    job: dict
    name: str
    raw: object
    lfp: object | None
    sorting: object | None
    analyzer: object | None
    first_frame: int
    lengths: list
    bad_channels: dict

    @property
    def stream(self) -> str:
        """The probe's stream; shanks share it."""
        return plain(stream_of(self.job["recording_name"]))

    def spike_times_s(self, unit_id) -> np.ndarray:
        """Return a unit's spikes in seconds from the recording's first sample, segments end to end, ascending."""
        offsets = np.concatenate([[0], np.cumsum(self.lengths)])[:-1]
        frames = [self.sorting.get_unit_spike_train(unit_id, segment_index=i) + offset
                  for i, offset in enumerate(offsets)]
        return (np.concatenate(frames) + self.first_frame) / self.sorting.sampling_frequency

    @property
    def observed_s(self) -> tuple[float, float]:
        """Begin and end of what was sorted."""
        fs = self.raw.get_sampling_frequency()
        return self.first_frame / fs, (self.first_frame + sum(self.lengths)) / fs


def load_recordings(jobs: list[dict], data_root: Path, folders: dict[str, Path | None]) -> list[NwbRecording]:
    """Load what the stages left of some recordings.

    Parameters
    ----------
    jobs : list of dict
        The recordings of one file.
    data_root : Path
        Folder the jobs' paths start from.
    folders : dict
        `preprocessed`, `postprocessed`, `curated`: a folder that holds those stages' output folders, of these
        recordings and maybe of others; what is missing there was not made.
    """
    made = {stage: by_recording(folder) for stage, folder in folders.items()}
    jobs = sorted(jobs, key=lambda job: job["recording_name"])
    names = unique([plain("_".join(filter(None, (stream_of(j["recording_name"]), shank_of(j["recording_name"])))))
                    for j in jobs])
    return [load_one(job, name, data_root, {stage: found.get(job["recording_name"]) for stage, found in made.items()})
            for job, name in zip(jobs, names)]


def by_recording(folder: Path | None) -> dict[str, Path]:
    """Find a stage's output folders by the recordings' names."""
    found = {}
    for path in sorted(Path(folder).glob("*/record.json")) if folder and Path(folder).is_dir() else []:
        found[json.loads(path.read_text())["recording_name"]] = path.parent
    return found


def load_one(job: dict, name: str, data_root: Path, made: dict[str, Path | None]) -> NwbRecording:
    """Load one recording."""
    raw = si.load(job["recording_dict"], base_folder=data_root)
    lfp = si.load(job["recording_lfp_dict"], base_folder=data_root) if job.get("recording_lfp_dict") else None
    before = made["preprocessed"]
    record = json.loads((before / "record.json").read_text()) if before else {}
    t_start = record.get("parameters", {}).get("t_start") or 0.0
    sorted_recording = si.load(before / "binary") if before and (before / "binary").is_dir() else raw
    curated = made["curated"] and made["curated"] / "sorting"
    analyzer = made["postprocessed"] and made["postprocessed"] / "analyzer.zarr"
    return NwbRecording(
        job=job, name=name, raw=raw, lfp=lfp, sorting=si.load(curated) if curated and curated.is_dir() else None,
        analyzer=si.load_sorting_analyzer(analyzer, load_extensions=False) if analyzer and analyzer.is_dir() else None,
        first_frame=round(t_start * raw.get_sampling_frequency()),
        lengths=[sorted_recording.get_num_samples(i) for i in range(sorted_recording.get_num_segments())],
        bad_channels=record.get("outputs", {}).get("bad_channels", {}))
