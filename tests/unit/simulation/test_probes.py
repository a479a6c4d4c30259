"""Probes by name and file, and the body that keeps neurons away."""

from types import SimpleNamespace

import numpy as np
import pytest

from simsort.errors import UserError
from simsort.simulation.recordings.probes import body_of, checked_probe, make_probe, probe_names


@pytest.mark.parametrize("name", probe_names())
def test_every_named_probe_is_usable(name):
    probe = make_probe(name)
    positions = probe.contact_positions
    assert len(positions) == len(np.unique(positions, axis=0)) == probe.get_contact_count()
    assert (probe.device_channel_indices == np.arange(len(positions))).all()
    assert (body_of(probe).distance_um(np.column_stack([positions, np.full(len(positions), -1.0)])) == 0).all()
    assert make_probe(name, 3).get_contact_count() == 3


def test_known_geometries():
    tetrode = make_probe("tetrode-paper").contact_positions
    assert np.ptp(tetrode, axis=0).tolist() == [13.0, 13.0]
    assert np.ptp(make_probe("neuropixels1").contact_positions[:, 1]) == 191 * 20
    four = make_probe("neuropixels2", 16)
    assert len(set(four.shank_ids)) == 4 and np.ptp(four.contact_positions[:, 0]) > 700
    counts = np.unique(make_probe("A1x32-Poly3").contact_positions[:, 0], return_counts=True)[1]
    assert counts.tolist() == [10, 12, 10]


def test_body_of_a_shank_and_of_wires():
    shank = body_of(make_probe("neuropixels1", 32))
    inside, in_front, behind, beside = [32, 100, -10], [32, 100, 30], [32, 100, -54], [32 + 35 + 40, 100, -5]
    np.testing.assert_allclose(shank.distance_um([inside, in_front, behind, beside]), [0, 30, 30, 40], atol=4)
    below_the_tip = shank.distance_um([[32, -400, 0]])[0]
    assert 150 < below_the_tip < 250
    wires = body_of(make_probe("tetrode"))
    assert not wires.has_back and shank.has_back
    np.testing.assert_allclose(wires.distance_um([[0, 0, -100], [0, -20, -100], [0, 0, 20]]), [0, 20 - 6.25, 20])


def test_file_round_trip_and_mistakes(tmp_path):
    from probeinterface import Probe, ProbeGroup, write_probeinterface

    path = tmp_path / "mine.json"
    write_probeinterface(path, make_probe("linear", 8))
    np.testing.assert_allclose(make_probe(path).contact_positions, make_probe("linear", 8).contact_positions)
    assert make_probe(path, 4).get_contact_count() == 4
    two = ProbeGroup()
    second = make_probe("linear", 8)
    second.move([500, 0])
    second.set_device_channel_indices(np.arange(8, 16))
    two.add_probe(make_probe("linear", 8))
    two.add_probe(second)
    write_probeinterface(tmp_path / "two.json", two)
    (tmp_path / "broken.json").write_text("{}")
    for what in (tmp_path / "two.json", tmp_path / "broken.json", tmp_path / "none.json", "octrode"):
        with pytest.raises(UserError) as error:
            make_probe(what)
        assert str(what) in str(error.value)
    with pytest.raises(UserError, match="1 to 4"):
        make_probe("tetrode", 5)
    with pytest.raises(UserError, match="no contact positions"):
        checked_probe(Probe(ndim=2))
    with pytest.raises(UserError, match="same place"):  # older versions of probeinterface let it pass
        checked_probe(SimpleNamespace(contact_positions=np.zeros((2, 2))))
