"""Write the NWB file of a recording: all its probes, their electrodes, LFP and units.

simsort nwb --jobs jobs.json --data DATA_PATH --preprocessed DIR --postprocessed DIR --curated DIR --out nwb \\
    --nwb_subject.subject-id M100 --nwb_ecephys.timezone Europe/Berlin

--jobs holds the jobs of one session, block and recording as a list, or is the job file of one recording. The three
folders hold those stages' output folders, one for each probe. Writes <session>_<block>_recording<n>.nwb (a file with
--nwb_ecephys.backend hdf5, a folder with zarr) and records/<number>/record.json.
"""

import json
from pathlib import Path

from simsort.config.parameters import nest_command_line, resolve
from simsort.stages import fresh_folder

SETTINGS = ("nwb_subject", "nwb_ecephys")


def add_arguments(parser):
    parser.add_argument("--jobs", required=True, type=Path, metavar="JSON", help="recordings, from dispatch")
    parser.add_argument("--data", required=True, type=Path, metavar="PATH", help="the session's folder or file")
    for stage, command in (("preprocessed", "preprocess"), ("postprocessed", "postprocess"), ("curated", "curate")):
        parser.add_argument(f"--{stage}", type=Path, metavar="DIR", help=f"folder with output folders of {command}")
    parser.add_argument("--config", type=Path, metavar="JSON", help="{nwb_subject: {...}, nwb_ecephys: {...}}")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="output folder, made new")


def run(parser, argv):
    args, rest = parser.parse_known_args(argv)
    config = json.loads(args.config.read_text()) if args.config else {}
    if rest or not args.config:
        given = nest_command_line(rest)
        config = resolve({**given, **{s: {**config.get(s, {}), **given.get(s, {})} for s in SETTINGS if s in config}})
    jobs = json.loads(args.jobs.read_text())
    out = fresh_folder(args.out)
    from simsort.nwb.main import write_nwb

    folders = {name: getattr(args, name) for name in ("preprocessed", "postprocessed", "curated")}
    jobs = jobs if isinstance(jobs, list) else [jobs]
    records = write_nwb(jobs, args.data, folders, config["nwb_subject"], config["nwb_ecephys"], out)
    for number, record in enumerate(records):
        record.write(out / "records" / str(number))
        print(f"{record.state} {record.recording_name} {record.outputs.get('file', record.reason)}")
