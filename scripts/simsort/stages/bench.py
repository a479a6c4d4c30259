"""Measure the pipeline: overhead of the workflow, peak memory of the stages, disk used.

simsort bench pipeline --out bench
simsort bench pipeline --out bench --parts overhead,disk --executor slurm
simsort bench pipeline --out bench --parts memory --memory-minutes 1,5 --update-docs

Overhead and disk come from one run of spike_sort.slm on a generated SpikeGLX session; memory from preprocess and
postprocess on a generated recording that is nowhere on disk (the preprocessed copy is: 1.4 GB a minute of 384 channels,
removed afterwards). Every result is also written as JSON into the output folder.
"""

import argparse
import shlex
from pathlib import Path

from simsort.config.stages import SORTERS, SORTERS_TO_COME
from simsort.errors import UserError

DOCS = Path(__file__).resolve().parents[3] / "docs" / "benchmarks.md"
PARTS = ("overhead", "memory", "disk")


def comma_list(kind):
    """Return an argparse type for values separated by commas."""
    def parse(text):
        return tuple(kind(part.strip()) for part in text.split(",") if part.strip())
    parse.__name__ = f"comma-separated {kind.__name__}"
    return parse


def add_arguments(parser):
    parser.add_argument("what", choices=["pipeline"], help="what to measure")
    parser.add_argument("--out", type=Path, default=Path("bench"), metavar="DIR",
                        help="output folder (default ./bench)")
    parser.add_argument("--parts", type=comma_list(str), default=PARTS, help=f"any of {','.join(PARTS)} (default all)")
    parser.add_argument("--executor", choices=["local", "slurm"], default="local",
                        help="run the workflow by bash or through sbatch (default local)")
    parser.add_argument("--sorter", choices=[s for s in SORTERS if s not in SORTERS_TO_COME], default="lupin",
                        help="spike sorter of the workflow (default lupin)")
    parser.add_argument("--duration-s", type=float, default=300.0, help="workflow: seconds (default 300)")
    parser.add_argument("--n-channels", type=int, default=64, help="workflow: channels (default 64)")
    parser.add_argument("--memory-minutes", type=comma_list(float), default=(1.0, 5.0, 20.0),
                        help="memory: durations (default 1,5,20)")
    parser.add_argument("--memory-channels", type=int, default=384, help="memory: channels (default 384)")
    parser.add_argument("--memory-units", type=int, default=100, help="memory: units (default 100)")
    parser.add_argument("--n-jobs", type=int, default=2, help="memory: worker processes (default 2)")
    parser.add_argument("--more-jobs", type=comma_list(int), default=(),
                        help="memory: further numbers of workers, with the shortest duration only")
    parser.add_argument("--keep", action="store_true", help="keep work folders and what the stages wrote")
    parser.add_argument("--update-docs", nargs="?", type=Path, const=DOCS, metavar="FILE",
                        help="put the tables into docs/benchmarks.md, or FILE")


def run(parser, argv):
    args = parser.parse_args(argv)
    unknown = set(args.parts) - set(PARTS)
    if unknown or not args.parts:
        raise UserError(f"--parts was given {','.join(args.parts)!r}", f"allowed: any of {','.join(PARTS)}")
    if not args.memory_minutes or min(args.memory_minutes) <= 0 or min((args.n_jobs, *args.more_jobs)) < 1:
        raise UserError("--memory-minutes, --n-jobs and --more-jobs must be positive", "give numbers above 0")
    from simsort.benchmarks.pipeline import Settings, bench_pipeline, blocks_of
    from simsort.benchmarks.tables import update_docs

    options = vars(args) | {"out": args.out.resolve()}
    docs = options.pop("update_docs")
    options.pop("what")
    blocks = blocks_of(bench_pipeline(Settings(**options, command=shlex.join(["simsort", "bench", *shown(argv)]))))
    for name, block in blocks.items():
        print(f"\n== {name}\n\n{block}")
    if docs:
        update_docs(docs, blocks)


def shown(argv: list[str]) -> list[str]:
    """Return the arguments without the names of this machine's folders."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--out")
    parser.add_argument("--update-docs", nargs="?")
    return parser.parse_known_args(argv)[1]
