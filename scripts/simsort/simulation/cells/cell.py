"""A cell built in NEURON."""

import numpy as np

REGION_OF_PREFIX = {"soma": "soma", "dend": "dendrite", "apic": "apical", "axon": "axon", "ais": "axon",
                    "myelin": "axon"}


class Cell:
    """A cell that exists in NEURON.

    Parameters
    ----------
    model : CellModel
        Its description.
    sections : sequence of h.Section
        All sections, the soma first.
    celsius : float
        Temperature (degC) its kinetics hold for.
    v_init_mv : float
        Potential (mV) to start from.
    spike_threshold_mv : float, default: -20.0
        An upward crossing of this potential (mV) at the soma is a spike.
    regions : sequence of str | None, default: None
        Region of each section ("soma", "dendrite", "apical", "axon"); None: from the sections' names.
    """

    def __init__(self, model, sections, *, celsius, v_init_mv, spike_threshold_mv=-20.0, regions=None):
        self.model = model
        self.sections = list(sections)
        self.soma = self.sections[0]
        self.celsius = float(celsius)
        self.v_init_mv = float(v_init_mv)
        self.spike_threshold_mv = float(spike_threshold_mv)
        self.regions = list(regions) if regions is not None else [region_of(section) for section in self.sections]

    def segments(self) -> list:
        """Return all segments, section by section, from each section's start to its end."""
        return [segment for section in self.sections for segment in section]

    def geometry(self):
        """Return the segments as straight lines between the points where they begin and end on the section's path.

        Returns
        -------
        SegmentGeometry
            In um, the soma's centre at the origin as the model has it; the diameter is NEURON's own of each segment.
        """
        from simsort.simulation.field.geometry import SegmentGeometry

        return SegmentGeometry(**self.lines())

    def lines(self) -> dict:
        """Return what `SegmentGeometry` is made of: start_um, end_um (n, 3), diameter_um and region (n,) of n segments."""
        names = ("soma", "dendrite", "apical", "axon")
        starts, ends, region = [], [], []
        for section, name in zip(self.sections, self.regions):
            borders = _points_along(section, np.arange(section.nseg + 1) / section.nseg)
            starts.append(borders[:-1])
            ends.append(borders[1:])
            region += [names.index(name)] * section.nseg
        diameter = np.array([segment.diam for segment in self.segments()])
        return {"start_um": np.concatenate(starts), "end_um": np.concatenate(ends), "diameter_um": diameter,
                "region": np.array(region, dtype=np.uint8)}


def region_of(section) -> str:
    """Return a section's region from its name: "soma[0]", "dend[3]", "apic[1]", "axon[0]", also "cell.dend[3]"."""
    name = section.name().split(".")[-1]
    return next((region for prefix, region in REGION_OF_PREFIX.items() if name.startswith(prefix)), "dendrite")


def _points_along(section, fractions: np.ndarray) -> np.ndarray:
    """Return the points (n, 3) at fractions (n,) of a section's path through its 3-D points."""
    n = section.n3d()
    points = np.array([[section.x3d(i), section.y3d(i), section.z3d(i)] for i in range(n)])
    arc = np.array([section.arc3d(i) for i in range(n)])
    return np.stack([np.interp(fractions * arc[-1], arc, points[:, axis]) for axis in range(3)], axis=1)
