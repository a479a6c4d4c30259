"""Fine-tuning from end to end: sort, choose what is safe, train, judge on what was held out, write a model folder."""

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from simsort.errors import UserError
from simsort.finetuning.events import Labeller
from simsort.finetuning.held_out import (RECORDING, SIMULATED, loss_in_words, recording_case, scores_of,
                                         simulated_cases)
from simsort.finetuning.tune import TuneSettings, taught_by, tune
from simsort.finetuning.units import measure_units, safe_units
from simsort.models.model_folder import NETWORKS, Model, load_model, save_model, write_note
from simsort.pretraining.cells import find_cells, split_cells
from simsort.pretraining.distributed import choose_device
from simsort.pretraining.events import Events
from simsort.pretraining.main import describe_making
from simsort.pretraining.recordings import EventSource
from simsort.pretraining.stream import SetStream, StreamConfig
from simsort.sorting.own.api import sort_checked
from simsort.sorting.own.inputs import check_recording, one_form
from simsort.sorting.own.sort import SortSettings
from simsort.sorting.own.traces import BAND_HZ, open_traces
from simsort.sorting.own.traces import SAMPLING_FREQUENCY_HZ as FS

SHORTEST_S = 30.0
PARTS = (0.6, 0.8)  # of the recording: the first is trained on, the second chooses, the third judges
FEWEST_SAFE = 2
MOST_EVENTS, MOST_PER_UNIT = 40_000, 400  # kept for training: some 3 kB each
N_TAKES, NOISE_SHARE = 3, 0.4


@dataclass(frozen=True, kw_only=True)
class Finetuned:
    """What fine-tuning came to: the model (None: the old one), why what is old stays, and facts for model.json."""

    model: Model | None
    reason: str
    facts: dict


def finetune(recording, model_folder: Path, out: Path, settings: dict, *, cells: Path | None = None, n_jobs: int = 1,
             trains: list | None = None) -> dict:
    """Fine-tune a model on a recording; the old one is written where that would be to anything's loss.

    Parameters
    ----------
    recording : BaseRecording
        One segment.
    model_folder : Path
    out : Path
        The new model folder.
    settings : dict
        Of the stage `finetuning`.
    cells : Path | None, default: None
        Simulated cells, for rehearsal and held-out simulated recordings.
    n_jobs : int, default: 1
        Processes: one trains, the others make simulated data.
    trains : list of arrays | None, default: None
        Spike samples of every unit; None: found by the sorter.

    Returns
    -------
    note : dict
        `finetuning` of the new model.json: `accepted`, `reason`, `before`, `after` and facts.

    Raises
    ------
    UserError
        For a model that is no spike model at the sorter's sampling rate and band.
    """
    started = time.monotonic()
    device = choose_device(settings["device"])
    model = load_model(model_folder, device)
    check_model(model, model_folder)
    if Path(out).resolve() == Path(model_folder).resolve():
        raise UserError(f"--out {out} is the model itself", "give another folder")
    split = split_cells(find_cells(cells)) if cells else (None, None)
    longest = round(60 * settings["most_minutes"] * recording.get_sampling_frequency())
    if recording.get_num_samples() > longest:
        recording = recording.frame_slice(0, longest)
    until_s = started + 60 * settings["time_limit_min"]
    done = attempt(recording, model, split, settings, until_s, device, n_jobs, trains)
    seconds = time.monotonic() - started
    note = {"accepted": done.model is not None, "reason": done.reason, **done.facts,
            "rehearsal": "simulated recordings" if cells else "the old model's answers", "seed": settings["seed"],
            "made": describe_making(device, seconds, "finetune", n_jobs)}
    write(done.model, model, Path(model_folder), Path(out), note)
    return note


def check_model(model: Model, folder: Path) -> None:
    """Refuse models for another input than the sorter's."""
    form = model.form
    if model.note["architecture"] != "channels" or (form.sampling_frequency_hz, form.band_hz) != (FS, BAND_HZ):
        raise UserError(f"{folder} is a model of architecture {model.note['architecture']} at "
                        f"{form.sampling_frequency_hz:g} Hz",
                        "fine-tuning takes models of simsort pretrain without --preset paper")


def attempt(recording, model: Model, split: tuple, settings: dict, until_s: float, device, n_jobs: int,
            trains: list | None) -> Finetuned:
    """Fine-tune as far as the recording allows."""
    duration_s = recording.get_num_samples() / recording.get_sampling_frequency()
    facts = {"n_channels": recording.get_num_channels(), "duration_s": round(duration_s, 1)}
    if duration_s < SHORTEST_S:
        return Finetuned(model=None, reason=f"the recording is shorter than {SHORTEST_S:g} s", facts=facts)
    seed = settings["seed"]
    if trains is None:
        check_recording(recording)
        sorting = sort_checked(recording, SortSettings(seed=seed), networks=model, n_jobs=n_jobs)
        trains = [sorting.get_unit_spike_train(unit) for unit in sorting.unit_ids]
    whole = one_form(recording, FS)
    traces = open_traces(whole, seed=seed)
    ratio = traces.recording.get_sampling_frequency() / whole.get_sampling_frequency()
    units = measure_units(traces, [np.round(train * ratio).astype(np.int64) for train in trains])
    safe = safe_units(units, traces.contacts_um, traces.duration_s, least_snr=settings["least_snr"])
    facts |= {"units": len(units), "safe_units": len(safe)}
    if len(safe) < FEWEST_SAFE:
        return Finetuned(model=None, reason=f"{len(safe)} units are safe to learn from, {FEWEST_SAFE} are needed",
                         facts=facts)
    labeller = Labeller(traces, model.form, units, safe)
    marks = [0, *(round(share * traces.n_samples) for share in PARTS), traces.n_samples]
    choice, verdict = ({RECORDING: [recording_case(labeller, start, stop, seed)],
                        SIMULATED: simulated_cases(split[1], model.form, settings["n_validation"], purpose)}
                       for start, stop, purpose in zip(marks[1:], marks[2:], ("choice", "verdict")))
    if not (choice[RECORDING][0].groups and verdict[RECORDING][0].groups):
        return Finetuned(model=None, reason="too few spikes in the held-out parts to judge identification", facts=facts)
    takes = [taught_by(model, events_of(labeller, marks[1], seed, take), device) for take in range(N_TAKES)]
    names = ("n_steps", "n_events", "learning_rate", "check_steps", "patience", "seed")
    tune_settings = TuneSettings(until_s=until_s, **{name: settings[name] for name in names})
    with_stream = rehearse(split[0], model.form, settings, n_jobs)
    try:
        tuned = tune(model, takes, with_stream, choice, tune_settings, device)
    finally:
        if with_stream is not None:
            with_stream.close()
    facts |= {"steps": tuned.steps, "share_of_the_way": tuned.blends, "events": sum(len(take.unit) for take in takes)}
    return judge(model, tuned.model, verdict, facts, device)


def events_of(labeller: Labeller, stop: int, seed: int, take: int) -> Events:
    """Return events to train on, up to a sample, with injected units of their own for every take."""
    hybrids = labeller.hybrids(0, stop, np.random.default_rng([seed, take, 1]))
    most = MOST_EVENTS // N_TAKES
    return labeller.collect(0, stop, most_per_unit=min(MOST_PER_UNIT, most // (len(labeller.safe) + len(hybrids))),
                            most_noise=round(NOISE_SHARE * most), seed=seed, hybrids=hybrids).events


def judge(old: Model, new: Model, verdict: dict, facts: dict, device) -> Finetuned:
    """Accept each network if none of its scores on the cases of the verdict falls and one rises."""
    before, after = scores_of(old, verdict, device), scores_of(new, verdict, device)
    losses = {name: loss_in_words(before, after, name) if getattr(new, name) is not getattr(old, name)
              else "no weights were better on the part that they are chosen by" for name in NETWORKS}
    kept = [name for name in NETWORKS if not losses[name]]
    reason = "; ".join(f"{name}: {loss}" for name, loss in losses.items() if loss)
    facts = facts | {"new_networks": kept, "before": before, "after": after}
    model = replace(old, **{name: getattr(new, name) for name in kept})
    return Finetuned(model=model if kept else None, reason=reason, facts=facts)


def rehearse(cells, form, settings: dict, n_jobs: int) -> SetStream | None:
    """Return the stream of simulated sets; None without cells."""
    if cells is None:
        return None
    return SetStream(EventSource(cells, form, n_events=settings["n_events"]),
                     StreamConfig(seed=settings["seed"], n_lanes=4), n_workers=n_jobs - 1)


def write(new: Model | None, old: Model, old_folder: Path, out: Path, note: dict) -> None:
    """Write the new model folder, or the old weights with the reason."""
    out.mkdir(parents=True, exist_ok=True)
    if new is not None:
        new_facts = ("format", "architecture", "input", *NETWORKS)  # written anew
        rest = {name: value for name, value in old.note.items() if name not in new_facts}
        save_model(out, new.detector, new.encoder, new.form, rest | {"finetuning": note})
        return
    for network in NETWORKS:
        shutil.copy(old_folder / f"{network}.safetensors", out / f"{network}.safetensors")
    write_note(out, {**old.note, "finetuning": note})
