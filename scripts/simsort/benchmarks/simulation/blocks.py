"""Figures of the simulator as Markdown, block by block of docs/simulation.md; nothing is measured here."""

import statistics

from simsort.benchmarks.simulation.published import (GAIN_HZ_PER_NA, HALF_WIDTH_MS, MAXIMAL_RATE_HZ, REFERENCES,
                                                     TROUGH_TO_PEAK_MS, verdict)
from simsort.benchmarks.tables import conditions, markdown_table

AIM_SPEED = 100.0  # cell-seconds per core-minute, mean over the types
AIM_AMPLITUDE_ERROR = 0.10
AIM_TIMES_MEAREC = 100.0
AIM_TIMES_REAL_TIME = 30.0
AIM_MEMORY_BYTES, AIM_GROWTH = 1e9, 0.2
AIM_PEAK_ERROR, AIM_RESIDUAL_UV = 0.01, 2.0
N_RECORDINGS, N_MANY = 100, 1000
PICTURES = {"waveforms": "Mean spikes 30 µm from the soma", "widths": "Trough to peak, published and real",
            "distance": "Amplitude against distance", "f_i": "Steady rate against current"}


def reached(is_reached: bool) -> str:
    """Return the words for an aim."""
    return "reached" if is_reached else "**not reached**"


def number(value, digits: int = 1, sign: str = "") -> str:
    """Return a number, or a dash for None."""
    return "–" if value is None else f"{value:{sign}.{digits}f}"


def block_text(result: dict, *parts: str) -> str:
    """Return the conditions and parts as one block, with a line for each peer that was not measured."""
    missing = [f"{peer}: not measured, {reason}." for peer, reason in result.get("unavailable", {}).items()]
    return "\n\n".join([conditions(result), *parts, *missing])


def per_core_minute(row: dict) -> float:
    """Return the cell-seconds that a core simulates in a minute."""
    return 60 * row["simulated_s"] / row["cpu_s"]


def library_per_core_minute(row: dict) -> float | None:
    """Return the same with everything that a cell's library takes, None if it is not known."""
    return 60 * row["library_simulated_s"] / row["library_cpu_s"] if row.get("library_cpu_s") else None


def speed_block(result: dict) -> str:
    """Return the block on the speed of cells."""
    rows = [[row["cell_type"], str(row["n_segments"]), f"{per_core_minute(row):.0f}",
             number(library_per_core_minute(row), 0)] for row in result["speed"]]
    mean = statistics.fmean(map(per_core_minute, result["speed"]))
    whole = [library_per_core_minute(row) for row in result["speed"] if row.get("library_cpu_s")]
    rows.append(["**mean**", "", f"**{mean:.0f}**", f"**{statistics.fmean(whole):.0f}**" if whole else "–"])
    header = ["type", "segments", "cell-seconds per core-minute", "whole library, pilot runs and fitting included"]
    same = [[row["cell"], row["program"], str(row["n_segments"]), f"{1000 * row['dt_ms']:.1f}",
             f"{per_core_minute(row):.0f}"] for row in result["same_cell"]]
    parts = [markdown_table(header, rows),
             f"Mean {mean:.0f} cell-seconds per core-minute (aim: {AIM_SPEED:.0f} or more at dt = 1/30 ms, "
             f"{reached(mean >= AIM_SPEED)})."]
    if same:
        parts += ["The same cells of the MEArec package, every segment's membrane current recorded:",
                  markdown_table(["cell", "program", "segments", "dt (µs)", "cell-seconds per core-minute"], same)]
    return block_text(result, *parts)


def discretisation_block(result: dict) -> str:
    """Return the block on what the number of segments does to amplitudes."""
    rows = [[row["cell_type"], str(row["n_segments"]), str(row["n_segments_full"]), f"{row['amplitude_uv']:.0f}",
             f"{row['amplitude_full_uv']:.0f}", f"{100 * amplitude_error(row):+.1f} %"]
            for row in result["discretisation"]]
    worst = max(result["discretisation"], key=lambda row: abs(amplitude_error(row)))
    error = abs(amplitude_error(worst))
    return block_text(
        result,
        markdown_table(["type", "segments", "full", "amplitude (µV)", "amplitude, full (µV)", "error"], rows),
        f"Largest error {100 * error:.1f} % ({worst['cell_type']}; aim: under {100 * AIM_AMPLITUDE_ERROR:.0f} %, "
        f"{reached(error < AIM_AMPLITUDE_ERROR)}).")


def amplitude_error(row: dict) -> float:
    """Return the relative error of our discretisation's amplitude."""
    return row["amplitude_uv"] / row["amplitude_full_uv"] - 1


def per_core_hour(once_s: float, each_s: float, duration_s: float, n_recordings: int) -> float:
    """Return recording-seconds per core-hour when something is done once and something for each recording."""
    return 3600 * n_recordings * duration_s / (once_s + n_recordings * each_s)


def labelled_rows(result: dict) -> list[dict]:
    """Return the paths: `path`, `once_s`, `each_s`, `duration_s`, and `first`, `hundred`, `thousand` (per core-hour).

    Ours in memory, as MEArec's, and written to disk; then MEArec's.
    """
    ours = result["ours"]
    once_s, plan_s, duration_s = ours["library_cpu_s"], ours["plan_cpu_s"], ours["duration_s"]
    paths = [("ours", once_s, plan_s + ours["stream_cpu_s"] + ours["truth_cpu_s"], duration_s),
             ("ours, written to disk", once_s, plan_s + ours["render_cpu_s"], duration_s)]
    for kind, found in result.get("mearec", {}).items():
        recording = found["recordings"][-1]
        templates_s = found["templates"]["cpu_s"]
        paths.append((f"MEArec{kind}, templates made for each recording", 0.0, templates_s + recording["cpu_s"],
                      recording["duration_s"]))
        paths.append((f"MEArec{kind}, templates made once", templates_s, recording["cpu_s"], recording["duration_s"]))
    return [{"path": path, "once_s": once_s, "each_s": each_s, "duration_s": duration_s,
             "first": per_core_hour(once_s, each_s, duration_s, 1),
             "hundred": per_core_hour(once_s, each_s, duration_s, N_RECORDINGS),
             "thousand": per_core_hour(once_s, each_s, duration_s, N_MANY)}
            for path, once_s, each_s, duration_s in paths]


def labelled_block(result: dict) -> str:
    """Return the block on labelled recording-seconds per core-hour."""
    paths = labelled_rows(result)
    rows = [[p["path"], f"{p['once_s']:.0f}", f"{p['each_s']:.1f}", f"{p['duration_s']:g}", f"{p['first']:,.0f}",
             f"{p['hundred']:,.0f}", f"{p['thousand']:,.0f}"] for p in paths]
    header = ["path", "core-s once", "core-s per recording", "s per recording", "first recording",
              f"{N_RECORDINGS} recordings", f"{N_MANY:,} recordings"]
    parts = [markdown_table(header, rows), counted(result["ours"])]
    ours, theirs = paths[:2], paths[2:]
    if theirs:
        lines = [f"- {mine['path']}, against {p['path']}: first recording {mine['first'] / p['first']:.1f} times, "
                 f"{N_RECORDINGS} recordings {mine['hundred'] / p['hundred']:.1f} times, {N_MANY:,} recordings "
                 f"{mine['thousand'] / p['thousand']:.1f} times" for p in theirs for mine in ours]
        best, most = (ours[0][count] / theirs[0][count] for count in ("hundred", "thousand"))
        parts.append("Ours over MEArec's, in labelled recording-seconds per core-hour:\n\n" + "\n".join(lines))
        parts.append(f"The aim, {AIM_TIMES_MEAREC:.0f} times MEArec's whole path with cells included, is "
                     f"{reached(best >= AIM_TIMES_MEAREC)} over {N_RECORDINGS} recordings ({best:.1f} times) and "
                     f"{reached(most >= AIM_TIMES_MEAREC)} over {N_MANY:,} ({most:.1f} times), both in memory.")
    return block_text(result, *parts)


def counted(ours: dict) -> str:
    """Return what our path consists of."""
    in_memory_s = ours["stream_cpu_s"] + ours["truth_cpu_s"]
    return (f"Ours: once the library of {ours['n_cells']} cells ({ours['simulated_s']:g} s each, "
            f"{ours['library_cpu_s']:.0f} core-s), then per recording its plan ({ours['plan_cpu_s']:.1f} core-s: "
            f"placement, fields on the contacts, spike trains) and {ours['duration_s']:g} s of samples as int16 with "
            f"labels, in memory as MEArec's ({in_memory_s:.1f} core-s) or written as SpikeInterface folders "
            f"({ours['render_cpu_s']:.1f} core-s); {ours['n_units']} labelled units, {ours['n_background']} background "
            "units, noise and drift.")


def rendering_block(result: dict) -> str:
    """Return the block on the speed of rendering."""
    rows = [[row["program"], row["what"], f"{row['duration_s']:g}", f"{row['cpu_s']:.1f}",
             f"{row['duration_s'] / row['cpu_s']:.1f}"] for row in result["rendering"]]
    ours = max(row["duration_s"] / row["cpu_s"] for row in result["rendering"] if row.get("is_aim"))
    return block_text(
        result, markdown_table(["program", "what", "s of recording", "core-s", "times real time"], rows),
        f"With drift and noise {ours:.1f} times real time per core (aim: {AIM_TIMES_REAL_TIME:.0f}, "
        f"{reached(ours >= AIM_TIMES_REAL_TIME)}).")


def memory_block(result: dict) -> str:
    """Return the block on memory."""
    rows = [[row["what"], f"{row['seconds']:g}", f"{row['peak_pss_bytes'] / 1e9:.2f}",
             f"{row['peak_own_bytes'] / 1e9:.2f}", f"{row['wall_s']:.0f}"] for row in result["memory"]]
    lines = [memory_line(result["memory"], what) for what in dict.fromkeys(row["what"] for row in result["memory"])]
    header = ["work", "seconds made", "peak (GB)", "without file cache (GB)", "time (s)"]
    return block_text(result, markdown_table(header, rows), "\n".join(lines))


def memory_line(rows: list[dict], what: str) -> str:
    """Return the verdict on one kind of work."""
    rows = sorted((row for row in rows if row["what"] == what), key=lambda row: row["seconds"])
    peak = max(row["peak_pss_bytes"] for row in rows)
    growth = rows[-1]["peak_pss_bytes"] / rows[0]["peak_pss_bytes"] - 1
    return (f"- {what}: at most {peak / 1e9:.2f} GB (under {AIM_MEMORY_BYTES / 1e9:g} GB: "
            f"{reached(peak < AIM_MEMORY_BYTES)}); {100 * growth:+.0f} % from {rows[0]['seconds']:g} to "
            f"{rows[-1]['seconds']:g} s (flat, at most +{100 * AIM_GROWTH:.0f} %: {reached(growth <= AIM_GROWTH)})")


def agreement_block(result: dict) -> str:
    """Return the block on the agreement of the two modes."""
    rows = [[row["cell_type"], str(row["n_spikes"]), "yes" if row["same_spikes"] else "**no**",
             f"{100 * row['peak_error']:.2f}", f"{row['residual_uv']:.2f}"] for row in result["agreement"]]
    spikes = all(row["same_spikes"] for row in result["agreement"])
    peak = max(abs(row["peak_error"]) for row in result["agreement"])
    residual = max(row["residual_uv"] for row in result["agreement"])
    return block_text(
        result, markdown_table(["type", "spikes", "same spike times", "peak error (%)", "residual (µV RMS)"], rows),
        f"Spike times identical: {reached(spikes)}. Largest peak error {100 * peak:.2f} % (aim: within "
        f"{100 * AIM_PEAK_ERROR:.0f} %, {reached(peak <= AIM_PEAK_ERROR)}). Largest residual outside spike windows "
        f"{residual:.2f} µV RMS (aim: under {AIM_RESIDUAL_UV:g}, {reached(residual < AIM_RESIDUAL_UV)}).")


def realism_block(result: dict) -> str:
    """Return the block on single cells beside published figures and real units."""
    widths, firing = [], []
    for row in result["realism"]:
        group, duration = row["subclass"], row["trough_to_peak_ms"]
        published = TROUGH_TO_PEAK_MS.get(group)
        widths.append([row["cell_type"], group, number(duration["median"], 2), span(duration, 2),
                       published.text() if published else "none", verdict(duration["median"], published),
                       number(row["half_width_ms"], 2), text_of(HALF_WIDTH_MS.get(group)),
                       span_median(row["spread_um"])])
        low, high = row["rate_range_hz"]
        firing.append([row["cell_type"], number(row["rate_hz"]), f"{low:g}–{high:g}", number(row["gain_hz_per_na"], 0),
                       text_of(GAIN_HZ_PER_NA.get(group)), number(row["maximal_rate_hz"], 0),
                       text_of(MAXIMAL_RATE_HZ.get(group)), *amplitudes_at(row)])
    parts = [
        markdown_table(["type", "subclass", "trough to peak (ms)", "5–95 %", "published", "verdict",
                        "half width of the action potential (ms)", "published mean", "spread (µm)"], widths),
        markdown_table(["type", "rate (Hz)", "in vivo", "gain (Hz/nA)", "published mean", "largest rate (Hz)",
                        "published mean", "µV at 20 µm", "50 µm", "100 µm"], firing)]
    return block_text(result, *parts, real_units_text(result["real_units"]), references_text())


def span(values: dict, digits: int) -> str:
    """Return the 5th to 95th percentile."""
    return "–" if values["median"] is None else f"{values['p05']:.{digits}f}–{values['p95']:.{digits}f}"


def span_median(values: dict) -> str:
    """Return median and 5th to 95th percentile."""
    return "–" if values["median"] is None else f"{values['median']:.0f} ({span(values, 0)})"


def text_of(published) -> str:
    """Return a published figure, or a dash."""
    return published.text() if published else "–"


def amplitudes_at(row: dict) -> list[str]:
    """Return the amplitudes at 20, 50 and 100 um from the soma."""
    at = dict(zip(row["distances_um"], row["amplitudes_uv"], strict=True))
    return [number(at.get(distance), 0) for distance in (20.0, 50.0, 100.0)]


def real_units_text(real: dict) -> str:
    """Return the table of real units, or why there is none."""
    if not real:
        return "Real units: not measured, SIMSORT_DATA is not set."
    rows = [[name, f"{row['narrow_ms']['n']}: {number(row['narrow_ms']['median'], 2)}",
             f"{row['broad_ms']['n']}: {number(row['broad_ms']['median'], 2)} ({span(row['broad_ms'], 2)})",
             span_median(row["spread_um"]), row["note"]] for name, row in real.items()]
    return "Real units, measured in the same way:\n\n" + markdown_table(
        ["units", "trough to peak below 0.4 ms: number, median", "above: number, median (5–95 %)", "spread (µm)",
         "what"], rows)


def pictures_text() -> str:
    """Return the pictures of the single cells with their legends."""
    return "\n\n".join(f"![{title}](img/simulation/{name}.png)" for name, title in PICTURES.items())


def references_text() -> str:
    """Return the list of references."""
    return "Published figures: " + "; ".join(f"{key}: {text}" for key, text in REFERENCES.items()) + "."


BLOCKS = {"speed": speed_block, "discretisation": discretisation_block, "labelled": labelled_block,
          "rendering": rendering_block, "memory": memory_block, "agreement": agreement_block, "realism": realism_block}
