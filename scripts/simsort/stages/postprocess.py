"""Compute the sorting analyzer of one recording: waveforms, templates, locations, quality metrics.

simsort postprocess --preprocessed preprocessed --sorted sorted --data DATA_PATH --n-jobs 4 --out postprocessed

Writes analyzer.zarr (loads with spikeinterface.load_sorting_analyzer; with traces by
simsort.postprocessing.load_analyzer(path, DATA_PATH)) and record.json. A sorting without units is skipped.
"""

from pathlib import Path

from simsort.stages import add_common_arguments, fresh_folder, parse_stage
from simsort.workers import job_kwargs


def add_arguments(parser):
    parser.add_argument("--preprocessed", required=True, type=Path, metavar="DIR", help="output of preprocess")
    parser.add_argument("--sorted", required=True, type=Path, metavar="DIR", help="output of sort")
    parser.add_argument("--data", type=Path, metavar="PATH", help="raw data (not read: the preprocessed copy is)")
    add_common_arguments(parser, "postprocessing")


def run(parser, argv):
    args, settings = parse_stage(parser, argv, "postprocessing")
    out = fresh_folder(args.out)
    from simsort.postprocessing.postprocess import postprocess

    postprocess(args.preprocessed, args.sorted, settings, job_kwargs(args.n_jobs), out).write(out)
