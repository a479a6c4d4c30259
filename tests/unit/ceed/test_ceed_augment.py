"""CEED's augmentations: each by itself against what it is said to do."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
ALL = ("collision", "shift", "amplitude", "jitter", "noise")


def view(spikes, seed=0, shape_only=False, rows=slice(None), only=(), **changes):
    """Return the augmented view of spikes; `only`: those changes, always."""
    import dataclasses

    from simsort.ceed.augment import Augmentation, SpikeBatch, Tables, view_of
    from simsort.ceed.spikes import BY_SPIKE

    how = Augmentation(**{name: 1.0 if name in only else 0.0 for name in ALL} | changes)
    some = spikes.only(rows)
    batch = SpikeBatch(**{name: torch.as_tensor(getattr(some, name)) for name in BY_SPIKE})
    form = dataclasses.replace(spikes.form, shape_only=shape_only)
    return view_of(batch, Tables.of(spikes, "cpu"), form, how, torch.Generator().manual_seed(seed))


def test_nothing_changes_without_changes(spikes):
    out = view(spikes)
    assert np.allclose(out.waveforms.numpy(), spikes.centred(), atol=1e-4)
    assert torch.equal(out.row, torch.as_tensor(spikes.row))


def test_the_same_seed_gives_the_same_view(spikes):
    published = {name: value for name, value in zip(ALL, (0.4, 0.5, 0.7, 0.6, 0.5))}
    first, again, other = (view(spikes, seed=seed, **published).waveforms for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.allclose(first, other)


def test_sizes_change_by_a_tenth_on_all_channels_alike(spikes):
    out = view(spikes, only=("amplitude",)).waveforms.numpy()
    factor = np.median(out / spikes.centred(), axis=(1, 2))
    assert 0.9 <= factor.min() < 0.92 and 1.08 < factor.max() <= 1.1
    assert np.allclose(out, factor[:, None, None] * spikes.centred(), atol=1e-3)


def test_windows_move_but_keep_the_largest_channel(spikes):
    out = view(spikes, only=("shift",))
    moved = out.row.numpy() - spikes.row
    assert set(np.unique(moved)) == {-2, -1, 0, 1, 2}
    for spike in range(0, 240, 17):
        cut = spikes.waveforms[spike, 2 + moved[spike]:7 + moved[spike]]
        assert np.allclose(out.waveforms[spike].numpy(), cut, atol=1e-4)
    deepest = out.waveforms.numpy().min(axis=2).argmin(axis=1)
    assert np.array_equal(deepest + moved, np.full(240, 2))
    assert np.allclose(out.offsets_um[:, 2].numpy(), 0.0), "positions are told from the window's own middle"


def test_windows_are_cut_around_the_channel_that_other_noise_makes_the_deepest(spikes):
    import dataclasses

    flat = spikes.waveforms.copy()
    flat[:] = 0
    flat[:, 4, 42], flat[:, 5, 44] = -20.0, -19.5  # nearly as deep
    flat[:, 2, 90] = -60.0  # another spike's
    moved = view(dataclasses.replace(spikes, waveforms=flat), recut=1.0).row.numpy() - spikes.row
    assert set(np.unique(moved)) == {0, 1} and 0.25 < (moved == 1).mean() < 0.5
    flat[:, 5, 44] = -10.0
    large = view(dataclasses.replace(spikes, waveforms=flat), recut=1.0)
    assert np.array_equal(large.row.numpy(), spikes.row), "noise does not move large spikes"
    at_end = dataclasses.replace(spikes, waveforms=flat * 0, row=np.full(240, 11))
    moved = view(at_end, recut=1.0).row.numpy() - 11
    assert set(np.unique(moved)) == {-2, -1, 0} and 0.22 < (moved == 0).mean() < 0.44, "one of the three that are there"


def test_windows_stay_at_the_end_of_a_probe(spikes):
    import dataclasses

    at_end = dataclasses.replace(spikes, row=np.full(240, 11))
    moved = view(at_end, only=("shift",)).row.numpy() - 11
    assert moved.min() == -2 and moved.max() == 0


def test_jitter_is_a_shift_in_time_of_all_channels(spikes):
    import dataclasses

    smooth = spikes.waveforms.copy()
    time_ms = (np.arange(121) - 60) / 30
    smooth[:] = -10 * np.exp(-(time_ms / 0.4) ** 2)
    out = view(dataclasses.replace(spikes, waveforms=smooth), only=("jitter",)).waveforms.numpy()
    middle = (out * np.arange(121)).sum(axis=2) / out.sum(axis=2)  # centre of gravity
    assert np.allclose(middle, middle[:, :1], atol=1e-3)
    delay = middle[:, 0] - 60
    assert -2.9 < delay.min() < -2.0 and 1.5 < delay.max() <= 2.01
    assert np.std(delay % 1) > 0.2, "also by parts of a sample"


def test_collisions_add_another_spike_some_samples_away(spikes):
    import dataclasses

    pulses = np.zeros_like(spikes.waveforms)
    pulses[:, :, 42] = -(np.arange(240) + 1.0)[:, None]
    out = view(dataclasses.replace(spikes, waveforms=pulses), only=("collision",)).waveforms.numpy()
    out[:, :, 42] += (np.arange(240) + 1.0)[:, None]
    at = np.abs(out[:, 2]).argmax(axis=1) - 42
    size = np.abs(out).max(axis=(1, 2))
    landed = size > 0.19  # the others were moved out of the window
    assert landed.mean() > 0.8
    assert np.abs(at[landed]).min() >= 5 and np.abs(at[landed]).max() < 60
    assert (at[landed] < 0).any() and (at[landed] > 0).any()
    assert size.max() <= 240


def test_noise_has_the_covariance_of_the_recording(spikes):
    import dataclasses

    many = dataclasses.replace(spikes, waveforms=np.zeros_like(spikes.waveforms), row=np.full(240, 5))
    noise = np.concatenate([view(many, seed=seed, only=("noise",)).waveforms.numpy() for seed in range(4)])
    in_space = np.einsum("nct,ndt->cd", noise, noise) / (noise.shape[0] * 121)
    places = 20.0 * np.arange(5)
    assert np.allclose(in_space, np.exp(-np.abs(places[:, None] - places) / 40), atol=0.04)
    in_time = np.einsum("nct,nct->t", noise[:, :, :1] * np.ones(121), noise) / (noise.shape[0] * 5)
    assert np.allclose(in_time[:8], np.exp(-np.arange(8) / 3), atol=0.05)
    at_end = dataclasses.replace(many, row=np.full(240, 0))
    assert not view(at_end, only=("noise",)).waveforms[:, :2].any(), "no noise where there is no channel"


def test_probabilities_are_those_given(spikes):
    out = view(spikes, amplitude=0.3).waveforms.numpy()
    changed = np.abs(out - spikes.centred()).max(axis=(1, 2)) > 0.05
    assert 0.15 < changed.mean() < 0.4


def test_shapes_are_without_size(spikes):
    out = view(spikes, only=("amplitude", "noise"), shape_only=True).waveforms
    assert torch.allclose(out.abs().amax(dim=(1, 2)), torch.ones(240))
    plain = view(spikes, shape_only=True).waveforms
    import dataclasses

    bigger = view(dataclasses.replace(spikes, waveforms=3 * spikes.waveforms), shape_only=True).waveforms
    assert torch.allclose(bigger, plain, atol=1e-5)
