"""The tables of `simsort bench sorters` as Markdown."""

from simsort.benchmarks.machine import packages_of
from simsort.benchmarks.sorters.cases.families import BENCHMARK_SEEDS, FAMILIES
from simsort.benchmarks.sorters.figures import (
    NEAR_ORACLE, QUIET_CORES, false_ratio, faster, mark, oracle_row, peers_of, rows_of)
from simsort.benchmarks.sorters.runs import OURS, PEERS, sorter_version
from simsort.benchmarks.tables import markdown_table

KIND_NAMES = {"static": "static", "drift": "drifting"}
HEADER = ["sorter", "accuracy", "± over seeds", "recall", "precision", "units ≥ 0.8", "false units per unit found",
          "times real time", "peak memory (GB)", "cases", "better with motion correction"]
NONE = "–"
FAST_PEER = "lupin"
VERDICTS = {True: "reached", False: "**not reached**", None: "not known"}


def blocks_of(result: dict, *, with_pictures: bool = False) -> dict[str, str]:
    """Return the Markdown of everything kept, by block name, with links to the pictures if they lie beside it."""
    blocks = {"sorters-conditions": conditions(result), "sorters-marks": marks_block(result["cases"]),
              "sorters-families": families_block(result["cases"]), "sorters-failures": failures_block(result["cases"])}
    if result["real"] is not None:
        blocks["sorters-real"] = real_block(result["real"])
    if with_pictures and grouped(result["cases"]):
        blocks["sorters-marks"] += f"\n\n{picture('accuracy', 'Accuracy of each sorter on each family')}"
        tables = blocks["sorters-families"]
        blocks["sorters-families"] = f"{picture('accuracy_snr', 'Accuracy against SNR')}\n\n{tables}"
    return blocks


def picture(name: str, words: str) -> str:
    """Return the link to a picture."""
    return f"![{words}](img/sorters/{name}.png)"


def conditions(result: dict) -> str:
    """Return the command, and on which machines and when the kept runs were made."""
    machines = [entry["machine"] for entry in result["cases"]] or [result["machine"]]
    dates = sorted({machine["date"] for machine in machines})
    kinds = dict.fromkeys(f"{machine['n_cores']} cores ({machine['cpu']}), {machine['memory_gb']} GB memory; Python "
                          f"{machine['python']}, {packages_of(machine)}" for machine in machines)
    return (f"`{result['command']}`\n\n{' to '.join(dict.fromkeys([dates[0], dates[-1]]))}; {'; or '.join(kinds)}. Runs "
            f"are kept from call to call. Speeds are those of runs during which other work kept less than {QUIET_CORES} "
            "cores busy; ≥: there was no such run.")


def grouped(cases: list[dict]) -> list[tuple[str, str, list[dict]]]:
    """Return family, kind and its cases that could be made, in the order of the families."""
    groups = []
    for family in FAMILIES:
        for kind in KIND_NAMES:
            entries = [case for case in cases if (case["family"], case["kind"]) == (family, kind) and case["facts"]]
            if entries:
                groups.append((family, kind, sorted(entries, key=lambda case: case["seed"])))
    return groups


def marks_block(cases: list[dict]) -> str:
    """Return the marks of every family: accuracy and false units, and speed and memory."""
    header = ["recordings", "oracle", "best peer", "its accuracy", "wanted", "`simsort`", "",
              "false units per unit found: `simsort` / best peer", ""]
    cost = ["recordings", "times real time: `simsort`", f"`{FAST_PEER}`", "", "peak memory (GB): `simsort`",
            f"`{FAST_PEER}`"]
    groups = grouped(cases)
    if not groups:
        return "Nothing has been run yet."
    return (markdown_table(header, [mark_row(*group) for group in groups]) + "\n\n"
            + markdown_table(cost, [cost_row(*group) for group in groups]))


def cost_row(family: str, kind: str, entries: list[dict]) -> list[str]:
    """Return a family's row on speed and memory: ours is to be faster than the fastest of the accurate peers."""
    done = {row["sorter"]: row for row in rows_of(entries) if row["accuracy"] is not None}
    ours, peer = done.get("simsort"), done.get(FAST_PEER)
    verdict = VERDICTS[faster(ours, peer)] if ours and peer else NONE
    return [f"{family}, {KIND_NAMES[kind]}", *(speed(row) if row else NONE for row in (ours, peer)), verdict,
            *(f"{row['peak_bytes'] / 1e9:.2f}" if row else NONE for row in (ours, peer))]


def mark_row(family: str, kind: str, entries: list[dict]) -> list[str]:
    """Return a family's row of the marks."""
    rows, oracle = rows_of(entries), oracle_row(entries)
    found, name = mark(rows, oracle), f"{family}, {KIND_NAMES[kind]}"
    peers = peers_of(rows)
    if found is None:
        best = peers[0] if peers else None
        wanted = min(1 - (1 - best["accuracy"]) / 2, oracle["accuracy"] - NEAR_ORACLE) if best else None
        return [name, number(oracle["accuracy"]), best["sorter"] if best else NONE,
                number(best["accuracy"] if best else None), number(wanted), NONE, "not run", NONE, NONE]
    return [name, number(oracle["accuracy"]), found["peer"], number(found["best_peer"]), number(found["wanted"]),
            number(found["ours"]), VERDICTS[found["reached"]],
            f"{number(found['false_ours'])} / {number(found['false_peer'])}", VERDICTS[found["false_reached"]]]


def families_block(cases: list[dict]) -> str:
    """Return a table for every family and kind."""
    texts, now = [], sorter_version(OURS)  # which reads the source and the weights
    for family, kind, entries in grouped(cases):
        facts = [entry["facts"] for entry in entries]
        seeds = ", ".join(str(entry["seed"]) for entry in entries)
        asked, units = sum(fact["n_units_snr_3"] for fact in facts), sum(fact["n_units"] for fact in facts)
        missing = sorted(set(BENCHMARK_SEEDS) - {entry["seed"] for entry in entries})
        note = f" Still to be run: seeds {', '.join(map(str, missing))}." if missing else ""
        note += earlier_note(entries, now)
        rows = [oracle_cells(oracle_row(entries))] + [sorter_cells(row) for row in rows_of(entries)]
        texts.append(f"### {family}, {KIND_NAMES[kind]}\n\n{FAMILIES[family].what}; seeds {seeds}; {units} units, "
                     f"{asked} of them with SNR ≥ 3.{note}\n\n{markdown_table(HEADER, rows)}")
    return "\n\n".join(texts) or "Nothing has been run yet."


def earlier_note(entries: list[dict], now: str) -> str:
    """Say for which seeds ours was run in another state of its source or weights than now."""
    earlier = sorted({entry["seed"] for entry in entries for run in entry["runs"]
                      if run["sorter"] == OURS and run["version"] != now})
    return f" `{OURS}` of an earlier commit: seeds {', '.join(map(str, earlier))}." if earlier else ""


def oracle_cells(row: dict) -> list[str]:
    """Return the oracle's row."""
    return ["*oracle*", number(row["accuracy"]), NONE, number(row["recall"]), number(row["precision"]),
            str(row["n_well"]), *[NONE] * 5]


def sorter_cells(row: dict) -> list[str]:
    """Return a sorter's row."""
    if row["accuracy"] is None:
        return [row["sorter"], "failed", *[NONE] * 7, f"0 of {row['n_tried']}", NONE]
    return [row["sorter"], number(row["accuracy"]), number(row["std"]), number(row["recall"]), number(row["precision"]),
            str(row["n_well"]), number(false_ratio(row)), speed(row), f"{row['peak_bytes'] / 1e9:.2f}",
            f"{row['n_cases']} of {row['n_tried']}", f"{row['motion']} of {row['n_cases']}"]


def speed(row: dict) -> str:
    """Return a row's speed, marked where it is a lower bound."""
    return f"{'' if row['is_quiet'] else '≥ '}{row['speed']:.1f}"


def failures_block(cases: list[dict]) -> str:
    """Return what could not be run, and why."""
    lines = [f"- {case['family']}, {case['kind']}, seed {case['seed']}: {case['reason']}"
             for case in cases if case["reason"]]
    for case in cases:
        for run in case["runs"]:
            if run["state"] != "done":
                motion = ", with motion correction" if run["motion"] else ""
                lines.append(f"- {run['sorter']}{motion}, {case['family']}, {case['kind']}, seed {case['seed']}: "
                             f"{run['reason']}")
    return "\n".join(lines or ["Every run ended."]) + f"\n\nNot run yet:\n\n{missing_runs(cases)}"


def missing_runs(cases: list[dict]) -> str:
    """Return in how many of the recordings each sorter was run, and in which families not at all."""
    lines = []
    for sorter in (OURS, *PEERS):
        ran = {(case["family"], case["kind"], case["seed"]) for case in cases if case["seed"] in BENCHMARK_SEEDS
               for run in case["runs"] if run["sorter"] == sorter}
        never = [family for family in FAMILIES if not any(one[0] == family for one in ran)]
        total = len(FAMILIES) * len(KIND_NAMES) * len(BENCHMARK_SEEDS)
        if len(ran) < total:
            lines.append(f"- {sorter}: run in {len(ran)} of {total} recordings"
                         + (f"; none of {', '.join(never)}" if never else ""))
    return "\n".join(lines) or "- nothing is missing"


def real_block(real: dict) -> str:
    """Return the table on the recordings without truth."""
    if real["reason"]:
        return f"Not run: {real['reason']}."
    rows = []
    for run in real["runs"]:
        if run["state"] != "done":
            rows.append([run["sorter"], f"failed: {run['reason'][:80]}", *[NONE] * 5])
            continue
        agreed = real["agreement"].get(run["sorter"], {"n_agreed": 0, "n_by_half": 0, "n_units": run["n_units"]})
        clean, stable = run["refractory"], run.get("stability", {"n_stable": NONE, "n_counted": NONE})
        rows.append([run["sorter"], str(agreed["n_units"]), str(agreed["n_agreed"]), str(agreed["n_by_half"]),
                     NONE if clean["share"] is None else f"{100 * clean['share']:.2f} %",
                     f"{clean['n_clean']} of {clean['n_counted']}", f"{stable['n_stable']} of {stable['n_counted']}"])
    header = ["sorter", "units", "shared with another sorter", "shared with half of them", "intervals under 1.5 ms",
              "units with under 1 % of them", "units found again in each half"]
    return markdown_table(header, rows)


def number(value: float | None) -> str:
    """Return a figure with two decimals."""
    return NONE if value is None else f"{value:.2f}"
