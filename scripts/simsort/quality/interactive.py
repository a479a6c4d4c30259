"""The pictures of the quality control as one page to look into: hover, zoom, switch traces off. Needs no network."""

from pathlib import Path

import jinja2
import numpy as np
import plotly.graph_objects as go
import plotly.io

from simsort.quality.measure import Measured
from simsort.quality.pictures import COLORS, motion_lines, unit_of
from simsort.quality.spectra import thinned
from simsort.visualization.style import ACCENT, BAD, INK, LABEL_COLORS

TEMPLATES = Path(__file__).parent / "templates"
MAX_POINTS = 4000  # of one line: more than a screen has
LAYOUT = dict(template="plotly_white", height=420, margin=dict(l=70, r=20, t=50, b=50), font=dict(family="sans-serif"))


def write_page(measured: Measured, outputs: dict, recording_name: str, path: Path) -> None:
    """Write the page: a table of the metrics with their verdicts, and the plots.

    Parameters
    ----------
    measured : Measured
        What the plots show.
    outputs : dict
        `verdict` and the judged `metrics`, as in the record.
    recording_name : str
        For the heading.
    path : Path
        The HTML file.
    """
    figures = [noise_figure(measured), spectra_figure(measured), timeline_figure(measured)]
    figures += [drift_figure(measured)] if measured.drift is not None else []
    figures += [yield_figure(measured)] if measured.units else []
    config = {"displaylogo": False, "responsive": True}
    plots = [plotly.io.to_html(figure, full_html=False, include_plotlyjs=number == 0, div_id=f"plot{number}",
                               config=config)
             for number, figure in enumerate(figures)]
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    page = environment.get_template("quality.html")
    text = page.render(name=recording_name, verdict=outputs["verdict"], metrics=outputs["metrics"], plots=plots)
    Path(path).write_text(text, encoding="utf8")


def escaped(text) -> str:
    """Escape text for plotly, which shows a few HTML elements in labels."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def noise_figure(measured: Measured) -> go.Figure:
    """Noise by depth; hovering names the channel."""
    figure = go.Figure(layout=dict(LAYOUT, title="Noise level of each channel"))
    for which, recording in (("raw", measured.raw), ("processed", measured.processed)):
        if recording is not None:
            bad = [measured.bad_channels.get(str(channel)) for channel in recording.channel_ids]
            names = [escaped(f"{c}: {b}" if b else c) for c, b in zip(recording.channel_ids, bad)]
            colors = [BAD if b else COLORS[which] for b in bad]
            figure.add_scatter(x=measured.spectra[which].noise, y=recording.get_channel_locations()[:, 1], text=names,
                               mode="markers", name=which, marker=dict(color=colors, size=7),
                               hovertemplate="%{text}<br>%{x:.2f} at %{y:.0f} um")
    figure.update_xaxes(title=f"noise level ({unit_of(measured.raw)})", rangemode="tozero")
    figure.update_yaxes(title="depth (um)")
    return figure


def spectra_figure(measured: Measured) -> go.Figure:
    """Spectra: median over the channels, and the channels at the edges of the middle 80 %."""
    figure = go.Figure(layout=dict(LAYOUT, title="Power spectra"))
    for which, spectra in measured.spectra.items():
        frequencies, power = thinned(spectra)
        for quantile, name, dash in ((0.5, "median", "solid"), (0.1, "10 %", "dot"), (0.9, "90 %", "dot")):
            figure.add_scatter(x=frequencies, y=np.quantile(power, quantile, axis=0), mode="lines",
                               name=f"{which}, {name} of channels",
                               line=dict(color=COLORS[which], dash=dash, width=1.3))
    figure.update_xaxes(title="frequency (Hz)", type="log")
    figure.update_yaxes(title=f"power ({unit_of(measured.raw)}²/Hz)", type="log", exponentformat="power")
    return figure


def timeline_figure(measured: Measured) -> go.Figure:
    """Saturation, dead time and artefacts over time."""
    found = measured.scan
    figure = go.Figure(layout=dict(LAYOUT, title="Saturation, dead time and artefacts"))
    step = max(1, -(-len(found.times_s) // MAX_POINTS))
    starts = np.arange(0, len(found.times_s), step)
    for name, values, color in (("saturated samples", found.saturated, BAD), ("dead time", found.dead, INK),
                                ("artefacts", found.artifact, ACCENT)):
        figure.add_scatter(x=found.times_s[starts], y=100 * np.maximum.reduceat(values, starts), mode="lines",
                           name=name, line=dict(color=color, width=1.2, shape="hv"))
    figure.update_xaxes(title="time (s)")
    figure.update_yaxes(title="% of each second" if step == 1 else f"% of the worst second of {step}",
                        rangemode="tozero")
    return figure


def drift_figure(measured: Measured) -> go.Figure:
    """Displacement of every depth window."""
    figure = go.Figure(layout=dict(LAYOUT, title="Estimated drift"))
    depths = measured.drift.motion.spatial_bins_um
    for segment, (times_s, displacement) in enumerate(motion_lines(measured)):
        step = max(1, -(-len(times_s) // MAX_POINTS))
        for window, depth_um in enumerate(depths):
            figure.add_scatter(x=times_s[::step], y=displacement[::step, window], mode="lines", line=dict(width=1),
                               name=f"{depth_um:.0f} um", legendgroup=f"{window}", showlegend=segment == 0)
    figure.update_xaxes(title="time (s)")
    figure.update_yaxes(title="displacement (um)")
    return figure


def yield_figure(measured: Measured) -> go.Figure:
    """Units by rate and signal-to-noise ratio; hovering says which and why."""
    figure = go.Figure(layout=dict(LAYOUT, title="Units"))
    for label in ("pass", "fail", "unknown"):
        mine = [unit for unit in measured.units if unit["label"] == label]
        why = [escaped("; ".join([f"unit {u['unit_id']}", *u["reasons"], *(f"{m} unknown" for m in u["unknown"])]))
               for u in mine]
        figure.add_scatter(x=[u["firing_rate"] for u in mine], y=[u["snr"] for u in mine], text=why, mode="markers",
                           name=label, marker=dict(color=LABEL_COLORS[label], size=8),
                           hovertemplate="%{text}<br>%{x:.2f} Hz, SNR %{y:.1f}")
    figure.update_xaxes(title="firing rate (Hz)", type="log")
    figure.update_yaxes(title="signal-to-noise ratio", rangemode="tozero")
    return figure
