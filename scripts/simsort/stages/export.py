"""Write results in the form of another tool: the present, curated units.

simsort export RESULTS --to csv --out units              one table of all units
simsort export RESULTS --to nwb --out nwb                the NWB files
simsort export RESULTS --to spikeinterface --out si      sorting/ and analyzer/ (binary folders) for each recording
simsort export RESULTS --to phy --data DATA_PATH --out phy    a folder for each recording: phy template-gui params.py
"""

from pathlib import Path

from simsort.exporting.export import FORMATS, export
from simsort.stages import fresh_folder
from simsort.workers import job_kwargs


def add_arguments(parser):
    parser.add_argument("results", type=Path, metavar="RESULTS", help="results folder")
    parser.add_argument("--to", required=True, choices=FORMATS, help="form")
    parser.add_argument("--recording", help="one recording (default all)")
    parser.add_argument("--data", type=Path, metavar="DATA_PATH", help="the raw session, for phy's traces")
    parser.add_argument("--n-jobs", type=int, default=1, help="worker processes (default 1)")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="output folder, made new")


def run(parser, argv):
    args = parser.parse_args(argv)
    out = fresh_folder(args.out)
    for path in export(args.results, args.to, out, args.recording, args.data, job_kwargs(args.n_jobs)):
        print(path)
