"""What a built-in electro-morphological type consists of."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class CellType:
    """One built-in type.

    Attributes
    ----------
    title : str
        Its name in words.
    layer, neuron_class, subclass : str
        As in `CellModel`.
    soma_um : float
        Mean diameter of the soma (um); `soma_elongation` is its height over its diameter.
    trees : tuple of TreeShape
    densities : dict
        Zone ("soma", "ais", "axon", "proximal", "distal") -> channel -> maximal conductance (S/cm2).
    density_spread : float
        Standard deviation of the logarithm of each channel's factor per individual.
    membrane_ohm_cm2, capacitance_uf_per_cm2, axial_ohm_cm, rest_mv : float
        Passive properties.
    segment_um : float
        Longest segment of a dendrite; other sections have one segment each.
    tilt_deg : float
        Standard deviation of the whole cell's tilt.
    rate_hz : tuple
        5th and 95th percentile of the firing rate in vivo (Hz).
    burst_probability : float
        Share of spikes that a burst follows.
    share : float
        Share of its layer's neurons of the same class.
    sources : str
        Where shape, rate and share come from.
    """

    title: str
    layer: str
    neuron_class: str
    subclass: str
    soma_um: float
    trees: tuple
    densities: dict = field(repr=False)
    rate_hz: tuple
    share: float
    sources: str
    burst_probability: float = 0.0
    soma_elongation: float = 1.2
    density_spread: float = 0.1
    membrane_ohm_cm2: float = 15000.0
    capacitance_uf_per_cm2: float = 1.0
    axial_ohm_cm: float = 120.0
    rest_mv: float = -72.0
    segment_um: float = 1000.0
    tilt_deg: float = 6.0
