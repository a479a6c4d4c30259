"""A small cell with the squid's channels, which NEURON brings along: no compiler needed."""

from simsort.simulation.cells.cell import Cell
from simsort.simulation.cells.model import CellModel

MODEL = CellModel(source="test", name="ball_and_stick", cell_type="squid", layer="unknown", neuron_class="unknown",
                  subclass="unknown", individual=0, seed=0, rate_hz=(1.0, 10.0))


def build(model=MODEL, *, kinetics="auto", sodium=0.12) -> Cell:
    from neuron import h

    soma = h.Section(name="soma[0]")
    soma.pt3dadd(0, -10, 0, 20)
    soma.pt3dadd(0, 10, 0, 20)
    soma.insert("hh")
    soma(0.5).hh.gnabar = sodium
    stick = h.Section(name="apic[0]")
    stick.pt3dadd(0, 10, 0, 2)
    stick.pt3dadd(0, 250, 0, 2)
    stick.nseg = 5
    stick.insert("pas")
    for segment in stick:
        segment.pas.e = -65
    stick.connect(soma(1))
    return Cell(model, [soma, stick], celsius=6.3, v_init_mv=-65)


def build_dead(model=MODEL, *, kinetics="auto") -> Cell:
    return build(model, sodium=0.0)
