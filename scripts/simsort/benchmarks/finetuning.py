"""What fine-tuning on a recording gains: held-out scores, and the sorting of it, before and after."""

import dataclasses
import json
import time
from pathlib import Path

from simsort.benchmarks.machine import describe_machine, made_on
from simsort.benchmarks.tables import markdown_table
from simsort.errors import UserError
from simsort.whole_files import write_json

DEFAULT_FAMILIES = ("spikeinterface-32", "mearec-32", "mearec-tetrode")
SORTING = ("accuracy", "n_well_detected", "n_false")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to run; the fields are options of `simsort bench finetuning`.

    Attributes
    ----------
    out : Path
        Output folder. The cases lie in `cases` below it, as those of `simsort bench sorters`.
    families : tuple of str
        Of `simsort bench sorters`; empty: `DEFAULT_FAMILIES`.
    seeds : tuple of int
        Of the cases.
    n_jobs : int
        Worker processes.
    device : str
        Where the networks are trained.
    only_tables : bool
        Run nothing, write the table of what is kept.
    command : str
        As it stands above the table.
    """

    out: Path
    families: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    n_jobs: int = 2
    device: str = "auto"
    only_tables: bool = False
    command: str = "simsort bench finetuning"


def bench_finetuning(settings: Settings) -> dict:
    """Run every case that is not kept from an earlier call.

    Returns
    -------
    result : dict
        `cases` (see `measure_case`), `machine`, `command`.

    Raises
    ------
    UserError
        If a family is unknown or needs data that are not there.
    """
    from simsort.benchmarks.sorters.cases.families import FAMILIES

    kept = Path(settings.out) / "finetuning"
    kept.mkdir(parents=True, exist_ok=True)
    unknown = sorted(set(settings.families) - set(FAMILIES))
    if unknown:
        raise UserError(f"--families was given {unknown[0]!r}", f"allowed: any of {', '.join(FAMILIES)}")
    for family in () if settings.only_tables else settings.families or DEFAULT_FAMILIES:
        for drifting in (False, True):
            for seed in settings.seeds:
                measure_case(family, drifting, seed, settings, kept)
    cases = [json.loads(file.read_text()) for file in sorted(kept.glob("*.json"))]
    return {"cases": cases, "machine": describe_machine(), "command": settings.command}


def measure_case(family: str, drifting: bool, seed: int, settings: Settings, kept: Path) -> None:
    """Fine-tune on one recording, sort it with both models and keep what came of it.

    Kept are `name`, `note` (that of `simsort finetune`), `finetune_s`, and `before` and `after`: `accuracy`,
    `n_well_detected`, `n_false` of the sortings. Where the weights stay, the second is not sorted again.
    """
    from spikeinterface import load

    from simsort.benchmarks.sorters.cases.families import case_name, prepare_case
    from simsort.config.parameters import resolve
    from simsort.finetuning.main import finetune
    from simsort.models.shipped import find_model

    name = case_name(family, drifting, seed)
    file = kept / f"{name}.json"
    if file.is_file():
        return
    folder = prepare_case(family, drifting, seed, Path(settings.out) / "cases", Path(settings.out))
    recording, model = load(folder / "recording"), kept / name
    print(f"simsort bench: {name}, fine-tuning", flush=True)
    started = time.perf_counter()
    note = finetune(recording, find_model("shipped"), model, resolve({})["finetuning"] | {"device": settings.device},
                    n_jobs=settings.n_jobs)
    seconds = time.perf_counter() - started
    print(f"simsort bench: {name}, sorting", flush=True)
    before = sorted_scores(folder, recording, "shipped", settings)
    after = sorted_scores(folder, recording, model, settings) if note["accepted"] else before
    write_json(file, {"name": name, "note": note, "finetune_s": seconds, "before": before, "after": after})


def sorted_scores(folder: Path, recording, model, settings: Settings) -> dict:
    """Sort a case with a model and score it as `simsort bench sorters` does."""
    from simsort.benchmarks.sorters.main import score_case
    from simsort.sorting.own.api import sort_recording

    sorting = sort_recording(recording, model=model, device=settings.device, n_jobs=settings.n_jobs)
    scores = score_case(folder, json.loads((folder / "case.json").read_text()), sorting)
    return {name: scores[name] for name in SORTING}


def blocks_of(result: dict) -> dict[str, str]:
    """Return the block of docs/training.md."""
    if not result["cases"]:
        return {"finetuning": "Not measured yet."}
    facts = f"{made_on(result['machine'])}."
    header = ["recording", "safe units", "new networks", "F1, held out", "nearest mean, held out", "ARI, held out",
              "accuracy of the sorting", "units ≥ 0.8", "false units", "minutes"]
    rows = [row_of(case) for case in result["cases"]]
    accepted = sum(case["note"]["accepted"] for case in result["cases"])
    lost = [case["name"] for case in result["cases"] if case["after"]["accuracy"] < case["before"]["accuracy"]]
    verdict = (f"New weights were accepted on {accepted} of {len(rows)} recordings; the sorting became less accurate on "
               f"{len(lost)}{': ' + ', '.join(lost) if lost else ''}.")
    return {"finetuning": "\n\n".join([f"`{result['command']}`", facts, markdown_table(header, rows), verdict])}


def row_of(case: dict) -> list[str]:
    """Return the row of one recording."""
    from simsort.finetuning.held_out import RECORDING, SHOWN

    note, before, after = case["note"], case["before"], case["after"]
    held_out = [change(note["before"][RECORDING][name], note["after"][RECORDING][name], 3) if "before" in note else "–"
                for name in SHOWN]
    return [case["name"], str(note.get("safe_units", "–")), ", ".join(note.get("new_networks", [])) or "none",
            *held_out, change(before["accuracy"], after["accuracy"], 3),
            change(before["n_well_detected"], after["n_well_detected"]), change(before["n_false"], after["n_false"]),
            f"{case['finetune_s'] / 60:.1f}"]


def change(before: float | None, after: float | None, digits: int = 0) -> str:
    """Spell a figure before and after."""
    return "–" if before is None or after is None else f"{before:.{digits}f} → {after:.{digits}f}"
