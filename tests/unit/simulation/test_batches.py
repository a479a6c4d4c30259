"""Training windows: the numbers of the recording, on a CPU and on a GPU."""

import numpy as np
import pytest
from made_up_cells import made_up_cells

from simsort.errors import UserError
from simsort.simulation.recordings.drift import DriftSettings
from simsort.simulation.recordings.probes import make_probe
from simsort.simulation.recordings.recording import simulate_recording
from simsort.simulation.recordings.rendering import Renderer
from simsort.simulation.recordings.settings import RecordingSettings

torch = pytest.importorskip("torch")
DEVICES = ["cpu", pytest.param("cuda", marks=[
    pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")])]


@pytest.fixture(scope="module", params=[("tetrode", None, "none"), ("neuropixels2", 16, "mixture")],
                ids=["tetrode", "drift"])
def recording(request):
    name, n_channels, kind = request.param
    settings = RecordingSettings(duration_s=20.0, drift=DriftSettings(kind=kind, oscillation_period_s=5.0))
    return simulate_recording(made_up_cells(), make_probe(name, n_channels), settings, 5)


@pytest.mark.parametrize("device", DEVICES)
def test_same_numbers_as_the_recording(recording, device):
    from simsort.simulation.recordings.batches import render_batch

    renderer = Renderer(recording.plan)
    batch = render_batch(recording, n_windows=20, window_samples=1500, seed=1, device=device)
    for index in (0, 7, 19):
        start = int(batch.starts[index])
        expected = renderer.uv(start, start + 1500).T
        np.testing.assert_allclose(batch.traces_uv[index].cpu().numpy(), expected, atol=1e-4 * np.abs(expected).max())
    rounded = render_batch(recording, n_windows=4, window_samples=1500, seed=1, device=device, digitise=True)
    counts = recording.get_traces(start_frame=int(rounded.starts[0]), end_frame=int(rounded.starts[0]) + 1500,
                                  return_in_uV=True)
    assert np.mean(np.abs(rounded.traces_uv[0].cpu().numpy().T - counts) > 1e-3) < 1e-3  # samples on a step's edge


@pytest.mark.parametrize("device", DEVICES)
def test_spikes_are_those_of_the_ground_truth(recording, device):
    from simsort.simulation.recordings.batches import render_batch

    batch = render_batch(recording, n_windows=24, window_samples=2000, seed=2, device=device)
    truth = recording.ground_truth(include_background=True).to_spike_vector()
    for index in range(24):
        start = int(batch.starts[index])
        inside = (truth["sample_index"] >= start) & (truth["sample_index"] < start + 2000)
        mine = (batch.window == index).cpu()
        times = batch.time.cpu()[mine].numpy()
        expected = truth[inside]
        order = np.lexsort((expected["unit_index"], expected["sample_index"]))
        np.testing.assert_array_equal(batch.unit.cpu()[mine].numpy(), expected["unit_index"][order])
        np.testing.assert_array_equal(np.floor(times), expected["sample_index"][order] - start)
    assert (batch.is_background.cpu().numpy() == (batch.unit.cpu().numpy() >= recording.plan.n_foreground)).all()


def test_peaks_describe_the_clean_spikes(recording):
    from simsort.simulation.recordings.batches import render_batch

    batch = render_batch(recording, n_windows=24, window_samples=2000, seed=2, noise=False)
    loud = np.flatnonzero(~batch.is_background.numpy())
    biggest = loud[batch.amplitudes_uv[loud].max(dim=1).values.argmax()]
    channel, window = int(batch.peak_channel[biggest]), int(batch.window[biggest])
    sample = int(batch.time[biggest])
    around = batch.traces_uv[window, channel, max(sample - 10, 0):sample + 20]
    assert float(around.abs().max()) == pytest.approx(float(batch.amplitudes_uv[biggest, channel]), rel=0.3)
    assert batch.amplitudes_uv.shape == (len(batch.unit), recording.get_num_channels())
    assert batch.contacts_um.shape == (recording.get_num_channels(), 2)


@pytest.mark.parametrize("device", DEVICES)
def test_a_seed_gives_the_same_windows(recording, device):
    from simsort.simulation.recordings.batches import BatchRenderer

    renderer = BatchRenderer(recording.plan, device)
    first, again, other = (renderer.render(n_windows=6, window_samples=800, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first.traces_uv, again.traces_uv) and torch.equal(first.time, again.time)
    assert not torch.equal(first.starts, other.starts)


def test_windows_too_long_are_refused(recording):
    from simsort.simulation.recordings.batches import render_batch

    with pytest.raises(UserError, match="windows of 100000 samples"):
        render_batch(recording, window_samples=100000)


def test_layers_hold_no_overlap():
    from simsort.simulation.recordings.batches import layers_without_overlap

    starts = np.random.default_rng(0).integers(0, 3000, 200)
    layers = layers_without_overlap(starts, 40)
    assert sorted(np.concatenate(layers)) == list(range(200))
    assert all((np.diff(np.sort(starts[layer])) >= 40).all() for layer in layers)
