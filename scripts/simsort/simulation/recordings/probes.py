"""Probes by name or from a probeinterface file, and the solid body that keeps neurons away from the contacts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simsort.errors import UserError

WIRE_RADIUS_UM = 6.25  # a 12.5 um nichrome wire, the usual one in twisted tetrodes
# A shank of 70 x 24 um: Jun et al. 2017, Nature 551:232; Steinmetz et al. 2021, Science 372:eabf4588.
NEUROPIXELS_WIDTH_UM = 70.0
NEUROPIXELS_THICKNESS_UM = 24.0
NEURONEXUS_THICKNESS_UM = 15.0  # NeuroNexus catalogue, standard A-series
TIP_LENGTH_UM = 200.0


@dataclass(frozen=True, kw_only=True)
class ProbeBody:
    """The solid part of a probe, which neurons cannot enter.

    Parameters
    ----------
    shanks_um : tuple of arrays, each (n_vertices, 2)
        Convex outlines of silicon shanks in the plane of the contacts, extruded backwards.
    thickness_um : float
        Depth of the silicon behind the contacts, which lie at z = 0.
    wire_tips_um : array, (n_wires, 2)
        Centres of wires, which run backwards (z < 0) from their contacts.
    wire_radius_um : float
        Radius of the wires.
    """

    shanks_um: tuple = ()
    thickness_um: float = NEUROPIXELS_THICKNESS_UM
    wire_tips_um: np.ndarray = None
    wire_radius_um: float = WIRE_RADIUS_UM

    @property
    def has_back(self) -> bool:
        """Whether silicon shields the space behind the contacts."""
        return len(self.shanks_um) > 0

    def distance_um(self, points_um: np.ndarray) -> np.ndarray:
        """Return the distance of each point to the body, 0 inside it.

        Parameters
        ----------
        points_um : array, (n_points, 3)
            Positions in probe coordinates.

        Returns
        -------
        distance_um : array, (n_points,)
        """
        points_um = np.atleast_2d(np.asarray(points_um, dtype=float))
        nearest = np.full(len(points_um), np.inf)
        for outline in self.shanks_um:
            across = distance_to_polygon_um(points_um[:, :2], outline)
            behind = np.maximum(np.maximum(points_um[:, 2], -self.thickness_um - points_um[:, 2]), 0.0)
            nearest = np.minimum(nearest, np.hypot(across, behind))
        for tip in () if self.wire_tips_um is None else self.wire_tips_um:
            across = np.maximum(np.linalg.norm(points_um[:, :2] - tip, axis=1) - self.wire_radius_um, 0.0)
            nearest = np.minimum(nearest, np.hypot(across, np.maximum(points_um[:, 2], 0.0)))
        return nearest


def distance_to_polygon_um(points_um: np.ndarray, outline_um: np.ndarray) -> np.ndarray:
    """Return distances (n_points,) of points (n_points, 2) to a filled polygon (n_vertices, 2), 0 inside."""
    start, end = outline_um, np.roll(outline_um, -1, axis=0)
    edge = end - start
    offset = points_um[:, None] - start  # n_points x n_edges x 2
    along = np.clip((offset * edge).sum(-1) / np.maximum((edge**2).sum(-1), 1e-12), 0.0, 1.0)
    distance = np.linalg.norm(offset - along[..., None] * edge, axis=-1).min(axis=1)
    # Crossings of a ray towards +x with the edges: odd inside.
    above = (start[:, 1] > points_um[:, None, 1]) != (end[:, 1] > points_um[:, None, 1])
    height = np.where(edge[:, 1] == 0, 1.0, edge[:, 1])
    crossing_x = start[:, 0] + (points_um[:, None, 1] - start[:, 1]) / height * edge[:, 0]
    inside = (above & (points_um[:, None, 0] < crossing_x)).sum(axis=1) % 2 == 1
    return np.where(inside, 0.0, distance)


def make_probe(name_or_file: str | Path, n_channels: int | None = None):
    """Return a probe by name or from a probeinterface JSON file.

    Parameters
    ----------
    name_or_file : str | Path
        One of `probe_names()`, or a file written by `probeinterface.write_probeinterface`.
    n_channels : int | None, default: None
        Number of contacts, counted from the tip; None: all of the usual probe.

    Returns
    -------
    probe : probeinterface.Probe
        In um, wired in order of its contacts, x across and y up the shank.

    Raises
    ------
    UserError
        If the name is unknown, the file cannot be read, or the probe has fewer contacts or no positions.
    """
    name = str(name_or_file)
    if name in BUILDERS:
        build, default, most, _ = BUILDERS[name]
        n_channels = default if n_channels is None else n_channels
        check_n_channels(name, n_channels, most)
        probe = build(n_channels)
    elif name.endswith(".json") or Path(name).exists():
        probe = probe_from_file(Path(name))
        most = probe.get_contact_count()
        n_channels = most if n_channels is None else n_channels
        check_n_channels(name, n_channels, most)
        probe = probe.get_slice(np.arange(n_channels)) if n_channels < most else probe
    else:
        raise UserError(f"there is no probe called {name!r}",
                        f"choose one of {', '.join(probe_names())}, or a probeinterface JSON file")
    probe.set_device_channel_indices(np.arange(probe.get_contact_count()))
    return checked_probe(probe, name)


def probe_names() -> list[str]:
    """Return the names that `make_probe` knows."""
    return sorted(BUILDERS)


def check_n_channels(name: str, n_channels: int, most: int) -> None:
    """Raise `UserError` unless a probe can have that many channels."""
    if not 1 <= n_channels <= most:
        raise UserError(f"probe {name} was given {n_channels} channels", f"allowed: 1 to {most}")


def checked_probe(probe, name: str = "given"):
    """Return the probe if every contact has a position of its own; raise `UserError` otherwise."""
    positions = getattr(probe, "contact_positions", None)
    if positions is None or len(positions) == 0 or not np.isfinite(positions).all():
        raise UserError(f"the probe {name} has no contact positions", "give a probe with coordinates in um")
    if len(np.unique(np.round(positions, 3), axis=0)) < len(positions):
        raise UserError(f"the probe {name} has contacts in the same place", "give every contact its own coordinates")
    return probe


def probe_from_file(path: Path):
    """Read the only probe of a probeinterface JSON file, in um."""
    from probeinterface import read_probeinterface

    if not path.is_file():
        raise UserError(f"there is no probe file {path}", "check the path")
    try:
        probes = read_probeinterface(path).probes
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is not a probeinterface file ({error})",
                        "write one with probeinterface.write_probeinterface") from error
    if len(probes) != 1:
        raise UserError(f"{path} holds {len(probes)} probes", "simulate one probe at a time")
    probe = probes[0]
    if probe.si_units == "mm":
        probe._contact_positions = probe.contact_positions * 1000.0
        probe.si_units = "um"
    return probe.to_2d() if probe.ndim == 3 else probe


def tetrode(n_channels: int, pitch_um: float = 25.0, radius_um: float = WIRE_RADIUS_UM):
    """Return four round contacts at the corners of a square."""
    from probeinterface import Probe

    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]) * pitch_um
    probe = Probe(ndim=2, si_units="um")
    probe.set_contacts(corners[:n_channels], shapes="circle", shape_params={"radius": radius_um})
    probe.annotate(body="wires")
    return probe


def paper_tetrode(n_channels: int):
    """Return SimSort's tetrode: 2 x 2 contacts of 6.5 um, 13 um apart (`SimSortTool/SimSort-Tetrode`)."""
    return tetrode(n_channels, pitch_um=13.0, radius_um=3.25)


def neuropixels1(n_channels: int):
    """Return the lowest electrodes of a Neuropixels 1.0 probe."""
    from simsort.writers.spikeglx import neuropixels_probe

    return neuropixels_probe(n_channels)


def neuropixels2(n_channels: int, n_shanks: int = 4):
    """Return the lowest electrodes of a Neuropixels 2.0 probe, shared evenly among its shanks."""
    from probeinterface.neuropixels_tools import build_neuropixels_probe

    probe = build_neuropixels_probe("NP2014" if n_shanks == 4 else "NP2003")
    per_shank = np.array_split(np.arange(n_channels), n_shanks)
    shank_size = probe.get_contact_count() // n_shanks
    return probe.get_slice(np.concatenate([k * shank_size + np.arange(len(part)) for k, part in enumerate(per_shank)]))


def neuropixels2_single(n_channels: int):
    """Return the lowest electrodes of a single-shank Neuropixels 2.0 probe."""
    return neuropixels2(n_channels, n_shanks=1)


def linear(n_channels: int, pitch_um: float = 25.0):
    """Return one column of round contacts of 177 um2 (NeuroNexus A1x32, 25 um pitch)."""
    from probeinterface import generate_linear_probe

    return silicon(generate_linear_probe(num_elec=n_channels, ypitch=pitch_um, contact_shapes="circle",
                                         contact_shape_params={"radius": 7.5}))


def columns(counts: list[int], x_pitch_um: float, y_pitch_um: float, shifts_um: list[float], n_channels: int):
    """Return the `n_channels` contacts nearest the tip of a probe of several columns."""
    from probeinterface import generate_multi_columns_probe

    probe = generate_multi_columns_probe(
        num_columns=len(counts), num_contact_per_column=counts, xpitch=x_pitch_um, ypitch=y_pitch_um,
        y_shift_per_column=shifts_um, contact_shapes="circle", contact_shape_params={"radius": 7.5})
    order = np.lexsort((probe.contact_positions[:, 0], probe.contact_positions[:, 1]))[:n_channels]
    return silicon(probe.get_slice(np.sort(order)))


def silicon(probe, thickness_um: float = NEURONEXUS_THICKNESS_UM):
    """Mark a probe as a silicon shank of that thickness."""
    probe.annotate(body="silicon", thickness_um=thickness_um)
    return probe


def polytrode(n_channels: int):
    """Return a 3-column, 54-site polytrode (Blanche et al. 2005, J Neurophysiol 93:2987), 46 and 65 um apart."""
    return columns([18, 18, 18], 46.0, 65.0, [0.0, 32.5, 0.0], n_channels)


def a1x32_poly2(n_channels: int):
    """Return NeuroNexus A1x32-Poly2: two staggered columns of 16."""
    return columns([16, 16], 43.3, 50.0, [0.0, 25.0], n_channels)


def a1x32_poly3(n_channels: int):
    """Return NeuroNexus A1x32-Poly3: columns of 10, 12 and 10 at 25 um."""
    return columns([10, 12, 10], 18.0, 25.0, [12.5, 0.0, 12.5], n_channels)


# name: (builder, usual number of contacts, largest number, one line)
BUILDERS: dict[str, tuple[Callable, int, int, str]] = {
    "tetrode": (tetrode, 4, 4, "twisted wires, 25 um between centres"),
    "tetrode-paper": (paper_tetrode, 4, 4, "SimSort's 2 x 2 tetrode, 13 um pitch"),
    "neuropixels1": (neuropixels1, 384, 384, "Neuropixels 1.0, bank 0"),
    "neuropixels2": (neuropixels2, 384, 1280, "Neuropixels 2.0, four shanks"),
    "neuropixels2-single": (neuropixels2_single, 384, 1280, "Neuropixels 2.0, one shank"),
    "linear": (linear, 32, 128, "one column, 25 um pitch"),
    "polytrode": (polytrode, 54, 54, "three columns of 18"),
    "A1x32-Poly2": (a1x32_poly2, 32, 32, "NeuroNexus, two columns"),
    "A1x32-Poly3": (a1x32_poly3, 32, 32, "NeuroNexus, three columns"),
}


def body_of(probe) -> ProbeBody:
    """Return the solid body of a probe: wires for one annotated so or of four round contacts, silicon otherwise.

    Silicon shanks follow the probe's own outline where it has one (Neuropixels), else a band around the contacts with a
    pointed tip, at least as wide as a Neuropixels shank.
    """
    positions = np.asarray(probe.contact_positions, dtype=float)[:, :2]
    kind = probe.annotations.get("body") or ("wires" if looks_like_tetrode(probe) else "silicon")
    if kind == "wires":
        return ProbeBody(wire_tips_um=positions)
    thickness_um = float(probe.annotations.get("thickness_um", NEUROPIXELS_THICKNESS_UM))
    shank_ids = np.asarray(probe.shank_ids) if probe.shank_ids is not None else np.full(len(positions), "")
    outlines = tuple(shank_outline_um(positions[shank_ids == shank]) for shank in np.unique(shank_ids))
    return ProbeBody(shanks_um=outlines, thickness_um=thickness_um)


def looks_like_tetrode(probe) -> bool:
    """Tell whether a probe without annotation is a tetrode: up to four round contacts within 60 um."""
    shapes = probe.contact_shapes
    round_contacts = shapes is not None and all(shape == "circle" for shape in shapes)
    spread_um = np.ptp(np.asarray(probe.contact_positions), axis=0).max()
    return probe.get_contact_count() <= 4 and round_contacts and spread_um <= 60.0


def shank_outline_um(positions_um: np.ndarray) -> np.ndarray:
    """Return a convex outline (5, 2): a band around the contacts, open far above them, and a tip 200 um below."""
    centre = (positions_um[:, 0].min() + positions_um[:, 0].max()) / 2
    half_width = max(NEUROPIXELS_WIDTH_UM / 2, np.ptp(positions_um[:, 0]) / 2 + 15.0)
    bottom, top = positions_um[:, 1].min() - 11.0, positions_um[:, 1].max() + 1000.0
    return np.array([[centre - half_width, top], [centre - half_width, bottom], [centre, bottom - TIP_LENGTH_UM],
                     [centre + half_width, bottom], [centre + half_width, top]])
