"""Label the units of one recording by the quality rule; all units are kept.

simsort curate --sorted sorted --postprocessed postprocessed --rule "snr > 5 and presence_ratio > 0.8" --out curated

Writes sorting/, a SpikeInterface sorting with every metric and these properties:
  default_qc          True if the unit passes
  default_qc_label    pass; fail: a condition does not hold; unknown: no condition could be checked
  default_qc_reasons  the conditions that do not hold
  default_qc_unknown  metrics of the rule that could not be computed; they neither pass nor fail a unit
  quality             good where the rule passes, else empty: for a person to go on from
In it also curation.json (SpikeInterface's curation format, version 2) and units.csv; beside it record.json.
"""

from pathlib import Path

from simsort.stages import add_common_arguments, fresh_folder, parse_stage


def add_arguments(parser):
    parser.add_argument("--sorted", required=True, type=Path, metavar="DIR", help="output of sort")
    parser.add_argument("--postprocessed", type=Path, metavar="DIR", help="output of postprocess")
    add_common_arguments(parser, "curation")


def run(parser, argv):
    args, settings = parse_stage(parser, argv, "curation")
    out = fresh_folder(args.out)
    from simsort.curation.curate import curate

    curate(args.sorted, args.postprocessed, settings, out).write(out)
