"""Figures as Markdown, and their place in docs/benchmarks.md."""

import re
from pathlib import Path

from simsort.benchmarks.machine import made_on, packages_of
from simsort.benchmarks.overhead import AIM_OVERHEAD
from simsort.benchmarks.stage_memory import AIM_GROWTH, AIM_PEAK_BYTES, judge
from simsort.errors import UserError


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def conditions(result: dict) -> str:
    """Return the lines every block begins with: command, machine, versions, date, other load."""
    machine = result["machine"]
    lines = [f"`{result['command']}`", "", f"{made_on(machine)}, {machine['memory_gb']} GB memory; Python "
             f"{machine['python']}, {packages_of(machine)}."]
    load = result["load"]
    if load["other_cores"] is None:
        lines.append(f"Load average {load['load_before']:.1f} before the run.")
    else:
        lines.append(f"Load average {load['load_before']:.1f} before the run; other work kept "
                     f"{load['other_cores']:.2f} cores busy meanwhile.")
    if "containers" in result:
        poll = f"`SIMSORT_POLL_INTERVAL=\"{result['poll_interval']}\"`" if result["poll_interval"] else "the default"
        where = "In containers" if result["containers"] else "Without containers"
        lines.append(f"{where}; Nextflow's poll interval: {poll}.")
    return "\n".join(lines)


def overhead_block(result: dict) -> str:
    """Return the block on the workflow's overhead."""
    figures = result["overhead"]
    rows = [[stage["stage"], f"{stage['own_s']:.1f}", f"{stage['around_s']:.1f}"] for stage in figures["stages"]]
    rows += [["**sum**", f"**{figures['stages_s']:.1f}**", f"**{sum(s['around_s'] for s in figures['stages']):.1f}**"]]
    verdict = "reached" if figures["reached"] else "**not reached**"
    header = ["stage", "own time (s)", "submission, queue, start, detection of end (s)"]
    return "\n\n".join([
        conditions(result), markdown_table(header, rows),
        f"The whole workflow took {figures['wall_s']:.1f} s, its stages {figures['stages_s']:.1f} s: an overhead of "
        f"{figures['overhead_s']:.1f} s or **{100 * figures['overhead']:.1f} %** "
        f"(aim: under {100 * AIM_OVERHEAD:.0f} %, {verdict}). "
        f"Of it {figures['before_first_task_s']:.1f} s lie before the first task (parameters checked, "
        f"Nextflow started), {figures['between_tasks_s']:.1f} s around and between tasks, "
        f"{figures['after_last_task_s']:.1f} s after the last (reports written)."])


def memory_block(result: dict) -> str:
    """Return the block on peak memory."""
    rows = [[r["stage"], f"{r['duration_min']:g}", str(r["n_jobs"]), f"{r['peak_pss_bytes'] / 1e9:.2f}",
             f"{r['peak_own_bytes'] / 1e9:.2f}", f"{r['peak_rss_bytes'] / 1e9:.2f}", f"{r['wall_s']:.0f}",
             f"{r['output_bytes'] / r['input_bytes']:.2f}"] for r in result["memory"]]
    header = ["stage", "minutes", "workers", "peak (GB)", "without file cache (GB)", "sum of RSS (GB)", "time (s)",
              "bytes written per input byte"]
    verdicts = "\n".join(map(memory_verdict, judge(result["memory"])))
    return "\n\n".join([conditions(result), markdown_table(header, rows), verdicts])


def memory_verdict(verdict: dict) -> str:
    """Return one line on a stage's memory and the aims."""
    limit = f"under {AIM_PEAK_BYTES / 1e9:g} GB: " + ("reached" if verdict["under_limit"] else "**not reached**")
    text = f"- {verdict['stage']}, {verdict['n_jobs']} workers: at most {verdict['peak_bytes'] / 1e9:.2f} GB ({limit})"
    if verdict["flat"] is None:
        return text + "."
    flat = "reached" if verdict["flat"] else "**not reached**"
    return (f"{text}; {100 * verdict['growth']:+.0f} % from the shortest to the longest recording, "
            f"{verdict['bytes_per_min'] / 1e6:+.0f} MB a minute (flat, at most +{100 * AIM_GROWTH:.0f} %: {flat}).")


def disk_block(result: dict) -> str:
    """Return the block on disk use."""
    disk = result["disk"]
    ratios = disk["per_input_byte"]
    rows = [["the session", megabytes(disk["input_bytes"]), "1"],
            ["results folder", megabytes(disk["results_bytes"]), f"{ratios['results']:.2f}"],
            ["work folder at the end", megabytes(disk["work_bytes"]), f"{ratios['work']:.2f}"],
            ["results and work together", megabytes(disk["results_bytes"] + disk["work_bytes"]),
             f"{ratios['results'] + ratios['work']:.2f}"],
            ["write calls of the stages (`wchar`)", megabytes(disk["written_bytes"]), f"{ratios['written']:.2f}"]]
    largest = ", ".join(f"{name} {megabytes(size)} MB" for name, size in disk["largest"].items())
    return "\n\n".join([conditions(result), markdown_table(["", "MB", "bytes per input byte"], rows),
                        f"Largest in the work folder: {largest}. The work folder can be removed once the results are "
                        "there; `wchar` counts files that a stage removed again and copies into pipes, not "
                        "memory-mapped files."])


def megabytes(n_bytes: float) -> str:
    """Return bytes as MB."""
    return f"{n_bytes / 1e6:.1f}"


def update_docs(path: Path, blocks: dict[str, str]) -> None:
    """Put blocks between their markers in a Markdown file.

    Parameters
    ----------
    path : Path
        The file; a block `name` stands between `<!-- bench name -->` and `<!-- end name -->`.
    blocks : dict
        Text by name. Blocks without markers are appended with them; others in the file stay.

    Raises
    ------
    UserError
        If the file does not exist or a marker has no end.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"--update-docs {path} does not exist", "name the docs/benchmarks.md of a checkout")
    text = path.read_text()
    for name, block in blocks.items():
        start, end = f"<!-- bench {name} -->", f"<!-- end {name} -->"
        whole = f"{start}\n{block.strip()}\n{end}"
        if start not in text:
            text = f"{text.rstrip()}\n\n## {name}\n\n{whole}\n"
            continue
        if end not in text.split(start, 1)[1]:
            raise UserError(f"{path} has {start} but no {end} after it", "mend the file")
        old = f"{re.escape(start)}.*?{re.escape(end)}"
        text = re.sub(old, lambda _, whole=whole: whole, text, count=1, flags=re.DOTALL)
    path.write_text(text)
