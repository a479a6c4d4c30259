"""The blocks of docs/benchmarks.md on the metrics."""

from simsort.benchmarks.machine import made_on, packages_of
from simsort.benchmarks.metrics.cases import FAMILIES
from simsort.benchmarks.metrics.findings import ACCURATE, CONTAMINATED, TARGETS
from simsort.benchmarks.tables import markdown_table

PICTURE = "![Areas under the ROC curve, ROC curves and calibration of the metrics](img/metrics.png)"
AIM_S, AIM_BYTES = 600.0, 4e9


def blocks_of(result: dict, *, with_pictures: bool) -> dict[str, str]:
    """Return the blocks of what was measured, by name."""
    blocks = {}
    if result.get("truth"):
        blocks["metrics-truth"] = truth_block(result, with_pictures)
        blocks["metrics-calibration"] = calibration_block(result["truth"]["calibration"])
    if result.get("scale"):
        blocks["metrics-scale"] = scale_block(result)
    return blocks


def conditions(result: dict, machine: dict) -> str:
    """Return the lines a block begins with."""
    return (f"`{result['command']}`\n\n{made_on(machine)}, {machine['memory_gb']} GB memory; Python "
            f"{machine['python']}, {packages_of(machine)}.")


def truth_block(result: dict, with_pictures: bool) -> str:
    """Return the block on what metrics and rules predict."""
    found = result["truth"]
    whole = sorted(found["metrics"], key=lambda m: -(m["accurate"] or 0.0))
    rows = [[f"`{m['name']}`" if m["known"] and " " not in m["name"] else m["name"], f"{m['known']:.0%}",
             *(area(m, target) for target in TARGETS)] for m in whole]
    names = {"accurate": f"accuracy ≥ {ACCURATE:g}", "clean": f"contamination ≤ {CONTAMINATED:.0%}"}
    table = markdown_table(["metric", "known", *(f"AUC, {names[target]}" for target in TARGETS)], rows)
    rules = [[r["name"], f"`{r['rule']}`", f"{r['n_pass']} of {r['n']}",
              *(percent(r, f"{target}_{key}") for target in TARGETS for key in ("sensitivity", "specificity")),
              percent(r, "accurate_precision"), percent(r, "clean_precision")] for r in found["rules"]]
    header = ["rule", "", "pass", "accurate that pass", "others that do not", "clean that pass", "others that do not",
              "of those that pass accurate", "clean"]
    parts = [conditions(result, found["machine"]), described(found), *([PICTURE] if with_pictures else []), table,
             markdown_table(header, rules)]
    return "\n\n".join(parts)


def described(found: dict) -> str:
    """Say what was sorted."""
    n = found["counts"]
    sources = " and ".join(FAMILIES[name] for name in n["families"])
    return (f"{n['cases']} recordings of {n['duration_s']:g} s on 32 channels by {sources}, with {n['true']} true "
            f"units; {n['units']} units found by {', '.join(n['sorters'])}, of {n['clusters']} different neurons: "
            f"{n['accurate']} with an accuracy of {ACCURATE:g} or more, {n['clean']} with a contamination of "
            f"{CONTAMINATED:.0%} or less. In brackets 95 % bootstrap intervals over neurons.")


def area(metric: dict, target: str) -> str:
    """Return an area with its interval."""
    if metric[target] is None:
        return "–"
    ends = [metric[f"{target}_{end}"] for end in ("low", "high")]
    return f"{metric[target]:.2f}" + ("" if None in ends else f" ({ends[0]:.2f}–{ends[1]:.2f})")


def percent(entry: dict, key: str) -> str:
    """Return a rate with its interval, in per cent."""
    if entry[key] is None:
        return "–"
    ends = [entry[f"{key}_{end}"] for end in ("low", "high")]
    return f"{100 * entry[key]:.0f} %" + ("" if None in ends else f" ({100 * ends[0]:.0f}–{100 * ends[1]:.0f})")


def calibration_block(bins: list[dict]) -> str:
    """Return the block on calibration."""
    rows = []
    for b in (b for b in bins if b["n"]):
        upper = "" if b["high"] is None else f" to {b['high']:g}"
        ends = "" if b["true_low"] is None else f" ({b['true_low']:.2f}–{b['true_high']:.2f})"
        value = f"{b['low']:g}{upper}" if upper else f"above {b['low']:g}"
        rows.append([f"`{b['name']}`", b["of"], value, str(b["n"]), f"{b['predicted']:.2f}", f"{b['true']:.2f}{ends}"])
    return markdown_table(["metric", "claims to be", "value", "units", "mean claimed", "mean true"], rows)


def scale_block(result: dict) -> str:
    """Return the block on time and memory."""
    rows, machine = result["scale"], result["scale"][0]["machine"]
    table = [[str(r["n_units"]), f"{r['duration_s'] / 3600:g}", str(r["n_channels"]), f"{r['n_spikes'] / 1e6:.1f}",
              str(r["n_jobs"]), f"{r['metrics_s']:.0f}", f"{r['cpu_s']:.0f}", f"{r['peak_bytes'] / 1e9:.2f}",
             f"{r['other_cores']:.1f}"]
             for r in rows]
    slowest = ", ".join(f"`{name}` {seconds:.0f} s" for name, seconds in rows[-1]["slowest"])
    fast, small = (max(r[key] for r in rows) < aim for key, aim in (("metrics_s", AIM_S), ("peak_bytes", AIM_BYTES)))
    return "\n\n".join([
        conditions(result, machine),
        markdown_table(["units", "hours", "channels", "spikes (millions)", "workers", "all metrics (s)",
                        "of processors (s)", "peak memory (GB)", "cores busy with other work"], table),
        f"Of the last row the longest took: {slowest}. Aims: under {AIM_S / 60:g} minutes: {reached(fast)}; under "
        f"{AIM_BYTES / 1e9:g} GB: {reached(small)}."])


def reached(yes: bool) -> str:
    """Return the verdict on an aim."""
    return "reached" if yes else "**not reached**"
