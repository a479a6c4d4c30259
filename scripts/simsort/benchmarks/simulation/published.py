"""Published figures that the simulated cells are compared with, each with where it comes from."""

from dataclasses import dataclass

REFERENCES = {
    "McCormick 1985": "McCormick, Connors, Lighthall & Prince, J Neurophysiol 54:782 (guinea pig, slices)",
    "Barthó 2004": "Barthó, Hirase, Monconduit et al., J Neurophysiol 92:600 (rat neocortex in vivo)",
    "Siegle 2021": "Siegle, Jia et al., Nature 592:86 (mouse visual cortex, Neuropixels)",
    "Henze 2000": "Henze, Borhegyi, Csicsvari et al., J Neurophysiol 84:390 (rat CA1 in vivo)",
    "Wang 2016": "Wang, Ke, Guang et al., Front Cell Neurosci 10:239 (human, monkey and mouse neocortex, slices)",
    "Jia 2019": "Jia, Siegle, Bennett et al., J Neurophysiol 121:1831 (mouse, Neuropixels)",
}


@dataclass(frozen=True, kw_only=True)
class Published:
    """A range, or a mean with no range, of a quantity for a group of cells.

    Attributes
    ----------
    low, high : float | None
        Range within which a type's median should lie; None: no verdict.
    mean : float | None
        Published mean, shown beside.
    source : str
        Keys of `REFERENCES`.
    """

    low: float | None = None
    high: float | None = None
    mean: float | None = None
    source: str

    def text(self) -> str:
        """Return the figure as it stands in a table."""
        if self.low is not None:
            return f"{self.low:g}–{self.high:g}"
        return f"{self.mean:g}"


# Trough to peak: units fall into two groups with few around 0.4 to 0.5 ms. SST, VIP and neurogliaform units lie in
# both, so they get no verdict.
TROUGH_TO_PEAK_MS = {
    "pyramidal": Published(low=0.5, high=0.9, source="Barthó 2004, Siegle 2021"),
    "PV": Published(low=0.2, high=0.4, source="Barthó 2004, Siegle 2021"),
}
HALF_WIDTH_MS = {  # of the somatic action potential
    "pyramidal": Published(mean=0.80, source="McCormick 1985"),
    "PV": Published(mean=0.32, source="McCormick 1985"),
}
GAIN_HZ_PER_NA = {"pyramidal": Published(mean=241.0, source="McCormick 1985")}
MAXIMAL_RATE_HZ = {"PV": Published(mean=215.0, source="Wang 2016")}
# Tetrodes tell units apart that lie within the first distance, and see spikes up to the second.
REACH_UM = Published(low=50.0, high=140.0, source="Henze 2000")


def verdict(value: float | None, published: Published | None) -> str:
    """Return `within`, `below by ...`, `above by ...`, or nothing where there is no range."""
    if value is None or published is None or published.low is None:
        return ""
    if value < published.low:
        return f"**below by {published.low - value:.2g}**"
    if value > published.high:
        return f"**above by {value - published.high:.2g}**"
    return "within"
