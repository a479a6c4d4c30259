"""The SpikeGLX writer against neo's, SpikeInterface's and probeinterface's readers."""

import hashlib

import numpy as np
import pytest

from simsort.errors import UserError
from simsort.writers.spikeglx import UV_PER_BIT, neuropixels_probe, write_spikeglx


def counts_recording(n_samples=9000, n_channels=6, seed=0, sizes=None):
    """A recording of random counts, as the probe's converter gives them."""
    from spikeinterface import NumpyRecording

    rng = np.random.default_rng(seed)
    traces = [rng.integers(-500, 500, (n, n_channels), dtype="int16") for n in sizes or [n_samples]]
    recording = NumpyRecording(traces, 30000.0)
    recording.set_channel_gains(UV_PER_BIT["ap"])
    recording.set_channel_offsets(0.0)
    recording.set_probe(neuropixels_probe(n_channels))
    return recording


def test_round_trip_is_exact(tmp_path):
    from spikeinterface.extractors import read_spikeglx

    recording = counts_recording(sizes=[9000, 4500])
    session = write_spikeglx(recording, tmp_path, "mouse", chunk_duration_s=0.1)
    assert session == tmp_path / "mouse_g0"
    read = read_spikeglx(session, stream_id="imec0.ap")
    assert read.get_num_segments() == 2 and read.dtype == "int16"
    for segment_index in range(2):
        np.testing.assert_array_equal(read.get_traces(segment_index=segment_index),
                                      recording.get_traces(segment_index=segment_index))
    np.testing.assert_allclose(read.get_channel_gains(), 2.34375)
    np.testing.assert_allclose(read.get_channel_locations(), recording.get_channel_locations())
    assert read.get_annotation("saturation_threshold_uV") == pytest.approx(1200)
    # Neuropixels 1.0: channels 0 and 1 are sampled first, 2 and 3 one thirteenth of a sample later
    np.testing.assert_allclose(read.get_property("inter_sample_shift")[:4], [0, 0, 1 / 13, 1 / 13])


def test_geometry_map_agrees_with_the_readout_table(tmp_path):
    import probeinterface

    from simsort.dispatch.spikeglx import read_meta

    session = write_spikeglx(counts_recording(), tmp_path, "mouse")
    meta_file = next(session.rglob("*.meta"))
    probe = probeinterface.read_spikeglx(meta_file)
    *_, x_um, y_um, used = probeinterface.neuropixels_tools.parse_spikeglx_snsGeomMap(read_meta(meta_file))
    np.testing.assert_allclose(x_um - x_um.min(), probe.contact_positions[:, 0] - probe.contact_positions[:, 0].min())
    np.testing.assert_allclose(y_um, probe.contact_positions[:, 1])
    assert used.all()


def test_meta_names_size_and_sha1(tmp_path):
    from simsort.dispatch.spikeglx import read_meta

    session = write_spikeglx(counts_recording(), tmp_path, "mouse")
    binary = next(session.rglob("*.bin"))
    meta = read_meta(binary.with_suffix(".meta"))
    assert int(meta["fileSizeBytes"]) == binary.stat().st_size == 9000 * 7 * 2
    assert meta["fileSHA1"] == hashlib.sha1(binary.read_bytes()).hexdigest().upper()


def test_sync_channel_is_last_and_toggles(tmp_path):
    session = write_spikeglx(counts_recording(n_samples=45000), tmp_path, "mouse")
    counts = np.fromfile(next(session.rglob("*.bin")), "<i2").reshape(-1, 7)
    assert set(np.unique(counts[:, -1])) == {0, 64} and np.count_nonzero(np.diff(counts[:, -1])) == 2


def test_lfp_band_is_a_twelfth_of_the_rate(tmp_path):
    from spikeinterface.extractors import read_spikeglx

    session = write_spikeglx(counts_recording(n_samples=36000), tmp_path, "mouse", lfp=True)
    lfp = read_spikeglx(session, stream_id="imec0.lf")
    assert lfp.sampling_frequency == 2500 and lfp.get_num_samples() == 3000
    np.testing.assert_allclose(lfp.get_channel_gains(), 4.6875)


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_spikeglx(counts_recording(), tmp_path / name, "mouse", chunk_duration_s={"a": 0.05, "b": 1.0}[name])
    files = [sorted(p for p in (tmp_path / name).rglob("*") if p.is_file()) for name in ("a", "b")]
    assert [f.read_bytes() for f in files[0]] == [f.read_bytes() for f in files[1]]


def test_positions_of_another_probe_are_refused(tmp_path):
    import probeinterface

    recording = counts_recording()
    other = probeinterface.generate_linear_probe(6, ypitch=50)
    other.set_device_channel_indices(np.arange(6))
    recording.set_probe(other)
    with pytest.raises(ValueError, match="neuropixels_probe"):
        write_spikeglx(recording, tmp_path, "mouse")
    with pytest.raises(ValueError, match="384"):
        neuropixels_probe(385)


def test_generated_sessions_are_written_once_and_deterministic(tmp_path):
    from simsort.benchmarks.generated import make_generated_session

    def make(name, **settings):
        session = make_generated_session(tmp_path / name, **{"duration_s": 2, "n_channels": 16, "seed": 3, **settings})
        return next(session.rglob("*.bin"))

    (tmp_path / "a/example_g0").mkdir(parents=True)
    (tmp_path / "a/example_g0/rest").write_text("")
    binary = make("a")
    assert not (tmp_path / "a/example_g0/rest").exists(), "a half-written one is written again"
    written = binary.stat().st_mtime_ns
    assert make("a").stat().st_mtime_ns == written
    assert make("b").read_bytes() == binary.read_bytes()
    with pytest.raises(UserError, match="other settings"):
        make("a", seed=4)
