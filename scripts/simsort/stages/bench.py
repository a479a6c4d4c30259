"""Measure the pipeline (overhead, memory, disk), the simulator (speed, precision, realism), sorters, metrics, networks.

simsort bench pipeline --out bench
simsort bench pipeline --out bench --parts overhead,disk --executor slurm
simsort bench pipeline --out bench --parts memory --memory-minutes 1,5 --update-docs

Overhead and disk come from one run of spike_sort.slm on a generated SpikeGLX session; memory from preprocess and
postprocess on a generated recording that is nowhere on disk (the preprocessed copy is: 1.4 GB a minute of 384 channels,
removed afterwards). Every result is also written as JSON into the output folder.

simsort bench simulation --out bench
simsort bench simulation --out bench --parts speed,rendering --update-docs

The simulator is measured on one core, beside LFPy and MEArec, which get environments of their own below the output
folder. Parts can be run one by one; `--parts tables` writes the tables of what is in the output folder.

simsort bench sorters --out bench
simsort bench sorters --out bench --families mearec-tetrode,locust --sorters lupin,kilosort4 --seeds 0 --update-docs

Every sorter sorts the same recordings with known spikes, in a process of its own, without and with motion correction.
What was run into an output folder is kept there, so that the tables fill over several calls. SIMSORT_DATA names the
folder of real waveforms and recordings; without it the families that need them are left out.

simsort bench scaling --out bench --cells simulated --n-steps 1000 --n-jobs 2
simsort bench scaling --out bench --parts tables --update-docs

Detector and encoder are trained at several amounts of simulated data and several sizes, all for as many steps, and scored
on held-out cells and probes. What is trained is kept, an interrupted training is gone on with.

simsort bench curation --out bench --update-docs

The curation page of generated sortings over two hours: its size, the time to the first view, applying a curation.

simsort bench scale --out bench --sessions 100,1000 --recordings 100,1000 --update-docs

The wrapper over many sessions with a stand-in for sbatch, and one head job with many recordings whose stages are stubs.

simsort bench metrics --out bench --parts truth --seeds 0,1 --update-docs
simsort bench metrics --out bench --parts scale --update-docs

How well unit metrics and the quality rule predict the true accuracy and contamination of what sorters find in simulated
recordings (each case and sorter is kept), and the time and memory of the metrics of 300 units over an hour.

simsort bench representations --out bench --cells simulated --device cuda --update-docs
simsort bench representations --out bench --cells simulated --parts s1,s10 --n-units 120 --n-steps 300

The tables S1 to S10 and figures of CEED's supplement on simulated recordings, beside what was published, each a part.

simsort bench labels --out bench --cells simulated --n-recordings 40 --update-docs

The models of automatic labels: units of simulated recordings (each recording is kept), units.json and pairs.json fitted
on them, and their scores on recordings left out. To ship them copy both to scripts/simsort/labelling/models/.

simsort bench finetuning --out bench --families spikeinterface-32 --seeds 0,1 --update-docs

What `simsort finetune` gains on recordings of `bench sorters`: its held-out scores, and the sorting before and after.

simsort bench cell-types --out bench --sources built-in=cells,MEArec=others,bmtk=allen:4 --update-docs

Heads that tell kinds of cells, trained on the first source with every choice of the others, and tested on individuals
and sources that they never saw. After a colon: from how many uV on units of that source count.
"""

import argparse
import shlex
from pathlib import Path

from simsort.config.stages import SORTERS
from simsort.errors import UserError

DOCS = Path(__file__).resolve().parents[3] / "docs"
PARTS = {
    "pipeline": ("overhead", "memory", "disk"),
    "simulation": ("speed", "discretisation", "labelled", "rendering", "memory", "agreement", "realism"),
    "sorters": ("runs",),
    "scaling": ("data", "size"),
    "curation": ("pages",),
    "metrics": ("truth", "scale"),
    "labels": ("fit",),
    "finetuning": ("cases",),
    "cell-types": ("sources",),
    "scale": ("wrapper", "head", "sessions", "faults"),
    "representations": ("s1", "s2", "s3", "s4", "s5", "s7", "s8", "s9", "s10", "amount", "scam", "model", "s6",
                        "subsets", "changes", "cases", "attention", "wavemap"),
}
DOCUMENT = {"pipeline": "benchmarks.md", "simulation": "simulation.md", "sorters": "benchmarks.md",
            "scaling": "training.md", "curation": "benchmarks.md", "scale": "benchmarks.md", "metrics": "benchmarks.md",
            "representations": "benchmarks.md", "labels": "benchmarks.md", "finetuning": "training.md",
            "cell-types": "benchmarks.md"}
DURATION_S = {"pipeline": 300.0, "simulation": 60.0, "sorters": None, "scaling": None, "curation": 7200.0, "scale": None,
              "metrics": None, "representations": None, "labels": None, "finetuning": None, "cell-types": None}
CURATION_UNITS = (50, 200, 400)
ONLY_SIMULATION = ("cell_types", "simulated_s", "mearec_drift")
ONLY_SORTERS = ("families", "sorters", "seeds")
ONLY_SCALE = ("sessions", "at_once")
ONLY_LABELS = ("n_recordings",)
ONLY_CELL_TYPES = ("sources",)
ONLY_SCALING = ("cells", "n_steps", "recordings", "sizes", "n_events", "n_evaluation", "device")
ONLY_REPRESENTATIONS = ("n_units", "n_fits", "model", "unseen_seed")
SCALING_STEPS = 1000


def comma_list(kind):
    """Return an argparse type for values separated by commas."""
    def parse(text):
        return tuple(kind(part.strip()) for part in text.split(",") if part.strip())
    parse.__name__ = f"comma-separated {kind.__name__}"
    return parse


def add_arguments(parser):
    parser.add_argument("what", choices=list(PARTS), help="what to measure")
    parser.add_argument("--out", type=Path, default=Path("bench"), metavar="DIR",
                        help="output folder (default ./bench)")
    parser.add_argument("--parts", type=comma_list(str), help="; ".join(
        f"{what}: any of {','.join(parts)}" for what, parts in PARTS.items()) + " (default all)")
    parser.add_argument("--executor", choices=["local", "slurm"], default="local",
                        help="run the workflow by bash or through sbatch (default local)")
    parser.add_argument("--sorter", choices=SORTERS, default="lupin",
                        help="spike sorter of the workflow (default lupin)")
    parser.add_argument("--duration-s", type=float, help="seconds of a recording (default 300, simulation 60, "
                        "metrics 180 and 3600)")
    parser.add_argument("--n-channels", type=int, default=64, help="workflow: channels (default 64)")
    parser.add_argument("--memory-minutes", type=comma_list(float), default=(1.0, 5.0, 20.0),
                        help="memory: durations (default 1,5,20)")
    parser.add_argument("--memory-channels", type=int, default=384, help="memory: channels (default 384)")
    parser.add_argument("--memory-units", type=int, default=100, help="memory: units (default 100)")
    parser.add_argument("--n-jobs", type=int, default=2, help="worker processes (default 2)")
    parser.add_argument("--more-jobs", type=comma_list(int), default=(),
                        help="memory: further numbers of workers, with the shortest duration only")
    parser.add_argument("--cell-types", type=comma_list(str), default=(), help="simulation: types (default all)")
    parser.add_argument("--simulated-s", type=float, default=20.0, help="simulation: seconds of each cell (default 20)")
    parser.add_argument("--mearec-drift", action="store_true",
                        help="simulation: MEArec with drifting templates too (ten minutes more)")
    parser.add_argument("--families", type=comma_list(str), default=(),
                        help="sorters, metrics, finetuning: kinds of recordings (default all; "
                        "finetuning: three)")
    parser.add_argument("--sorters", type=comma_list(str), default=(), help="sorters, metrics: which "
                        "(default all; metrics: simsort,lupin,spykingcircus2)")
    parser.add_argument("--seeds", type=comma_list(int), default=(0, 1, 2), help="sorters, metrics, finetuning: of the "
                        "recordings (default 0,1,2; sorters: others are kept but stand in no table)")
    parser.add_argument("--cells", type=Path, metavar="DIR", help="scaling, representations, labels: folder of cells")
    parser.add_argument("--n-steps", type=int, help="scaling, representations: steps of every training (default 1000; "
                        "representations 400 epochs)")
    parser.add_argument("--recordings", type=comma_list(int), default=(1, 4, 16, 64, 0), help="scaling: different "
                        "recordings; 0: each is new (default 1,4,16,64,0); scale: of one head job")
    parser.add_argument("--sizes", type=comma_list(str), default=("tiny", "small", "medium", "large", "larger"),
                        help="scaling: of the networks (default tiny,small,medium,large,larger)")
    parser.add_argument("--n-events", type=int, default=768, help="scaling: events of a set (default 768)")
    parser.add_argument("--n-evaluation", type=int, default=8, help="scaling: held-out recordings (default 8)")
    parser.add_argument("--device", default="auto", help="scaling, representations, finetuning: auto, cpu, cuda or "
                        "cuda:N (default auto)")
    parser.add_argument("--n-units", type=int, help="representations, cell-types: units to train on (default 400; "
                        "cell-types 2000)")
    parser.add_argument("--model", type=Path, metavar="DIR", help="representations, parts model and cases: CEED encoder "
                        "(default: the shipped one); sorters: weights of simsort-paper")
    parser.add_argument("--unseen-seed", type=int, default=7900, metavar="SEED", help="representations, part model: of the "
                        "unseen recording; others than the default are kept beside it (default 7900)")
    parser.add_argument("--n-fits", type=int, default=50, help="representations: mixtures fitted to a set (default 50)")
    parser.add_argument("--sessions", type=comma_list(int), default=(100, 1000), help="scale: of the wrapper "
                        "(default 100,1000)")
    parser.add_argument("--at-once", type=comma_list(int), default=(1, 2), help="scale: real sessions sorted at once "
                        "(default 1,2)")
    parser.add_argument("--n-recordings", type=int, default=40, help="labels: recordings to fit on and to score on "
                        "(default 40)")
    parser.add_argument("--sources", type=comma_list(str), default=(), help="cell-types: folders of cells as name=folder or "
                        "name=folder:uV, the first with three individuals of each type")
    parser.add_argument("--keep", action="store_true", help="keep work folders and what the stages wrote")
    parser.add_argument("--update-docs", nargs="?", type=Path, const=DOCS, metavar="FILE",
                        help="put the tables into docs/benchmarks.md or docs/simulation.md, or FILE")


def run(parser, argv):
    args = parser.parse_args(argv)
    check(args)
    options = vars(args) | {"out": args.out.resolve(), "duration_s": args.duration_s or DURATION_S[args.what],
                            "parts": args.parts or PARTS[args.what],
                            "command": shlex.join(["simsort", "bench", *shown(argv)])}
    docs, what = options.pop("update_docs"), options.pop("what")
    docs = docs / DOCUMENT[what] if docs == DOCS else docs
    measure = {"simulation": measure_simulation, "pipeline": measure_pipeline, "sorters": measure_sorters,
               "scaling": measure_scaling, "curation": measure_curation, "scale": measure_scale,
               "metrics": measure_metrics, "representations": measure_representations,
               "labels": measure_labels, "finetuning": measure_finetuning, "cell-types": measure_cell_types}[what]
    if docs:
        from simsort.benchmarks import measured
        from simsort.benchmarks.tables import update_docs

        measured.restore(docs, what, options["out"])
    blocks = measure(options, docs)
    for name, block in blocks.items():
        print(f"\n== {name}\n\n{block}")
    if docs:
        update_docs(docs, blocks)
        measured.keep(docs, what, options["out"])


def check(args) -> None:
    """Raise `UserError` for options that cannot be."""
    allowed = PARTS[args.what] + (("tables",) if args.what != "pipeline" else ())
    if args.parts is not None and (not args.parts or set(args.parts) - set(allowed)):
        raise UserError(f"--parts was given {','.join(args.parts)!r}", f"allowed: any of {','.join(allowed)}")
    if not args.memory_minutes or min(args.memory_minutes) <= 0 or min(
            (args.n_jobs, *args.more_jobs, *args.at_once)) < 1:
        raise UserError("--memory-minutes, --n-jobs, --more-jobs and --at-once must be positive",
                        "give numbers above 0")
    if not args.seeds:
        raise UserError("--seeds names no seed", "give whole numbers such as 0,1,2")
    counts = (args.n_steps, args.n_evaluation, args.n_events, args.n_units, args.n_fits)
    if min(count for count in counts if count is not None) < 1 or min(args.recordings, default=0) < 0:
        raise UserError("--n-steps, --n-events, --n-evaluation, --n-units, --n-fits and --recordings must be positive",
                        "give whole numbers; 0 recordings: without end")
    if args.unseen_seed < 0:
        raise UserError("--unseen-seed must not be negative", "give a whole number such as 8900")
    if args.n_recordings < 1:
        raise UserError("--n-recordings must be positive", "give a whole number above 0")
    if args.simulated_s <= 0 or (args.duration_s is not None and args.duration_s <= 0):
        raise UserError("--simulated-s and --duration-s must be positive", "give numbers above 0")


def measure_pipeline(options: dict, docs: Path | None) -> dict[str, str]:
    """Measure the pipeline; return its tables."""
    from simsort.benchmarks.pipeline import Settings, bench_pipeline, blocks_of

    others = (*ONLY_SIMULATION, *ONLY_SORTERS, *ONLY_SCALE, *ONLY_SCALING, *ONLY_REPRESENTATIONS,
              *ONLY_LABELS, *ONLY_CELL_TYPES)
    return blocks_of(bench_pipeline(Settings(**{k: v for k, v in options.items() if k not in others})))


def measure_sorters(options: dict, docs: Path | None) -> dict[str, str]:
    """Run the sorters; return their tables. Pictures go beside the document that is updated."""
    from simsort.benchmarks.sorters.blocks import blocks_of
    from simsort.benchmarks.sorters.main import Settings, bench_sorters
    from simsort.benchmarks.sorters.pictures import draw_all

    names = ("out", "families", "sorters", "seeds", "n_jobs", "command", "model")
    result = bench_sorters(Settings(**{name: options[name] for name in names},
                                    only_tables=options["parts"] == ("tables",)))
    draw_all(result["cases"], docs.parent / "img" / "sorters" if docs else options["out"] / "pictures")
    return blocks_of(result, with_pictures=docs is not None)


def measure_scaling(options: dict, docs: Path | None) -> dict[str, str]:
    """Train networks; return their tables. The picture goes beside the document that is updated."""
    from simsort.benchmarks.scaling.blocks import blocks_of, draw
    from simsort.benchmarks.scaling.main import Settings, bench_scaling

    names = ("out", "parts", "n_jobs", "command", *ONLY_SCALING)
    options = options | {"n_steps": options["n_steps"] or SCALING_STEPS}
    result = bench_scaling(Settings(**{name: options[name] for name in names}))
    draw(result, docs.parent / "img" / "scaling.png" if docs else options["out"] / "pictures" / "scaling.png")
    return blocks_of(result, with_pictures=docs is not None)


def measure_curation(options: dict, docs: Path | None) -> dict[str, str]:
    """Measure the curation page; return its table."""
    from simsort.benchmarks.curation import Settings, bench_curation, blocks_of

    return blocks_of(bench_curation(Settings(out=options["out"], units=CURATION_UNITS, duration_s=options["duration_s"],
                                             command=options["command"])))


def measure_scale(options: dict, docs: Path | None) -> dict[str, str]:
    """Measure the wrapper and the head job with many sessions and recordings; return their tables."""
    from simsort.benchmarks.scale import Settings, bench_scale, blocks_of

    names = ("out", "parts", "sessions", "recordings", "at_once", "executor", "command")
    return blocks_of(bench_scale(Settings(**{name: options[name] for name in names})))


def measure_metrics(options: dict, docs: Path | None) -> dict[str, str]:
    """Measure what metrics are worth and cost; return the tables. The picture goes beside the document."""
    from simsort.benchmarks.metrics.blocks import blocks_of
    from simsort.benchmarks.metrics.main import Settings, bench_metrics
    from simsort.benchmarks.metrics.pictures import draw

    names = ("out", "parts", "families", "sorters", "seeds", "duration_s", "n_jobs", "keep", "command")
    result = bench_metrics(Settings(**{name: options[name] for name in names}))
    if result["truth"]:
        folder = docs.parent / "img" if docs else options["out"] / "pictures"
        draw(result["truth"], result["rows"], folder / "metrics.png")
    return blocks_of(result, with_pictures=docs is not None)


def measure_finetuning(options: dict, docs: Path | None) -> dict[str, str]:
    """Measure what fine-tuning gains; return its table."""
    from simsort.benchmarks.finetuning import Settings, bench_finetuning, blocks_of

    names = ("out", "families", "seeds", "n_jobs", "device", "command")
    return blocks_of(bench_finetuning(Settings(**{name: options[name] for name in names},
                                               only_tables=options["parts"] == ("tables",))))


def measure_representations(options: dict, docs: Path | None) -> dict[str, str]:
    """Train and score CEED's encoders; return the tables. Pictures go beside the document that is updated."""
    from simsort.benchmarks.representations.blocks import blocks_of, draw
    from simsort.benchmarks.representations.main import Settings, bench_representations

    names = ("out", "parts", "n_steps", "device", "command", *ONLY_REPRESENTATIONS)
    given = {name: options[name] for name in names if options[name] is not None}
    result = bench_representations(Settings(cells=options["cells"], **given))
    draw(result, docs.parent / "img" / "representations" if docs else options["out"] / "pictures")
    return blocks_of(result, with_pictures=docs is not None)


def measure_labels(options: dict, docs: Path | None) -> dict[str, str]:
    """Fit the models of automatic labels; return the table of their scores."""
    from simsort.benchmarks.labels.main import Settings, bench_labels, blocks_of

    return blocks_of(bench_labels(Settings(**{name: options[name] for name in ("out", "cells", "n_recordings",
                                                                               "command")})))


def measure_cell_types(options: dict, docs: Path | None) -> dict[str, str]:
    """Train and score heads that tell kinds of cells; return their table."""
    from simsort.benchmarks.cell_types import Settings, bench_cell_types, blocks_of, read_sources

    names = ("out", "n_units", "command")
    given = {name: options[name] for name in names if options[name] is not None}
    return blocks_of(bench_cell_types(Settings(sources=read_sources(options["sources"]),
                                               only_tables=options["parts"] == ("tables",), **given)))


def measure_simulation(options: dict, docs: Path | None) -> dict[str, str]:
    """Measure the simulator; return its tables. Pictures go beside the document that is updated."""
    from simsort.benchmarks.simulation.main import Settings, bench_simulation, blocks_of

    names = ("out", "parts", "cell_types", "simulated_s", "mearec_drift", "duration_s", "command")
    pictures = docs.parent / "img" / "simulation" if docs else None
    results = bench_simulation(Settings(**{name: options[name] for name in names}, pictures=pictures))
    return blocks_of(results, with_pictures=docs is not None)


def shown(argv: list[str]) -> list[str]:
    """Return the arguments without the names of this machine's folders."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--out")
    parser.add_argument("--cells")
    parser.add_argument("--sources")
    parser.add_argument("--update-docs", nargs="?")
    return parser.parse_known_args(argv)[1]
