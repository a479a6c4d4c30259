"""Recordings drawn at random, the events found in them, and their truth."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def made(cells):
    """A tetrode's recording: (maker, batch, whitened, events, troughs)."""
    from simsort.models.input_form import InputForm
    from simsort.pretraining.events import EventMaker
    from simsort.pretraining.variety import draw_situation

    maker = EventMaker(draw_situation(cells[0], 5, probes=("tetrode",)), InputForm())
    batch, whitened = maker.windows(6, seed=1)
    return maker, batch, whitened, *maker.events(batch, whitened)


def test_recordings_have_units_whatever_is_drawn(cells):
    from simsort.pretraining.variety import TRAINING_PROBES, draw_situation

    for seed, probe in enumerate(sorted(set(TRAINING_PROBES))):
        situation = draw_situation(cells[0], seed, probes=(probe,))
        assert 3 <= situation.plan.n_foreground <= 40 and len(situation.plan.units) <= 100
        assert 10000 < situation.sampling_frequency_hz < 50000 and situation.plan.n_channels >= 3


def test_training_sees_no_held_out_cell_and_no_held_out_probe(cells_folder, monkeypatch):
    from simsort.models.detector import DetectorConfig
    from simsort.models.encoder import EncoderConfig
    from simsort.models.input_form import InputForm
    from simsort.pretraining import recordings, validation
    from simsort.pretraining.cells import HELD_OUT_TYPES, find_cells, split_cells
    from simsort.pretraining.task import SpikeTask
    from simsort.pretraining.variety import HELD_OUT_PROBES, draw_situation
    from simsort.simulation.library.cell_library import CellLibrary

    load, cells, probes = CellLibrary.load, [], []

    def noted(path):
        cells.append(path.stem.rsplit("_", 1)[0])
        return load(path)

    def drawn(*args, **options):
        situation = draw_situation(*args, **options)
        probes.append(situation.probe)
        return situation
    monkeypatch.setattr(CellLibrary, "load", noted)
    for module in (recordings, validation):
        monkeypatch.setattr(module, "draw_situation", drawn)
    train, held_out = split_cells(find_cells(cells_folder))
    task = SpikeTask(train, held_out, InputForm(), DetectorConfig(width=8, n_layers=1), EncoderConfig(width=8, n_layers=1),
                     n_validation=2)
    for seed in range(12):
        task.source().draw(seed)
    kinds = {path.stem.rsplit("_", 1)[0] for path in find_cells(cells_folder)}
    assert set(cells) == kinds - set(HELD_OUT_TYPES) != kinds and len(set(probes)) > 2
    assert not set(probes) & set(HELD_OUT_PROBES)
    cells.clear(), probes.clear()
    task.validate(task.nets(), "cpu")
    assert set(cells) == kinds & set(HELD_OUT_TYPES) and probes == list(HELD_OUT_PROBES)


def test_the_same_seed_draws_the_same(cells):
    from simsort.pretraining.variety import draw_situation

    some, others = (draw_situation(cells[0], 11).plan for _ in range(2))
    assert [unit.position_um for unit in some.units] == [unit.position_um for unit in others.units]
    assert [unit.rate_hz for unit in some.units] == [unit.rate_hz for unit in others.units]


def test_events_are_whitened_troughs_in_the_middle(made):
    maker, _, whitened, events, troughs = made
    form = maker.form
    trough = events.snippets[:, 0, form.n_before]
    assert (trough <= -form.threshold).all() and (events.snippets[:, 0].min(dim=1).values <= trough).all()
    assert torch.equal(trough, whitened[troughs.window, troughs.channel, troughs.sample])
    quiet = whitened[:, :, maker.edge:-maker.edge]
    robust = 1.4826 * quiet.abs().median()
    assert 0.8 < float(robust) < 1.25


def test_strong_spikes_are_found_and_labelled(made):
    maker, batch, _, events, troughs = made
    snr = (batch.amplitudes_uv / maker.noise_uv).amax(dim=1)
    times = torch.remainder(maker.spike_times(batch), maker.length)
    strong = (snr > 7) & (times > maker.edge) & (times < maker.length - maker.edge)
    found = torch.zeros(len(snr), dtype=torch.bool)
    found[troughs.spike[troughs.spike >= 0]] = True
    assert int(strong.sum()) > 10 and float(found[strong].float().mean()) > 0.8
    own = events.unit >= 0
    assert torch.equal(events.unit[own], batch.unit[troughs.spike[own]])
    assert (events.shift_samples[own].abs() <= 12).all() and not events.shift_samples[~own].any()


def test_noise_alone_has_no_units(cells):
    from simsort.models.input_form import InputForm
    from simsort.pretraining.events import EventMaker
    from simsort.pretraining.variety import draw_situation

    maker = EventMaker(draw_situation(cells[0], 5, probes=("tetrode",)), InputForm())
    maker.plan.trains.rates_hz = [1e-6] * len(maker.plan.units)
    maker.plan.trains.epochs.clear()
    events = maker.make(n_windows=2, seed=3)
    assert len(events.unit) > 0 and (events.unit == -1).all() and not events.snr.any()


def test_sets_are_thinned_by_whole_units():
    from simsort.pretraining.events import Events
    from simsort.pretraining.recordings import thinned

    unit = torch.cat([torch.full((60,), -1), torch.full((40,), 0), torch.full((40,), 1), torch.full((40,), 2)])
    n = len(unit)
    events = Events(snippets=torch.zeros(n, 1, 4), offsets_um=torch.zeros(n, 1, 2), is_there=torch.ones(n, 1) > 0,
                    position_um=torch.zeros(n, 2), unit=unit, shift_samples=torch.zeros(n),
                    displacement_um=torch.zeros(n), snr=torch.zeros(n))
    kept = thinned(events, 100, np.random.default_rng(0)).unit
    assert len(kept) == 100 and int((kept < 0).sum()) == 33
    assert sorted(int((kept == one).sum()) for one in range(3))[1:] == [27, 40]


def test_augmentation_keeps_space_and_moves_time():
    from simsort.pretraining.augment import AMPLITUDE, augment
    from simsort.pretraining.events import Events

    n, steps = 200, torch.arange(64.0)
    bump = -torch.exp(-0.5 * ((steps - 30) / 3) ** 2)
    snippets = bump.expand(n, 3, 64) * torch.tensor([9.0, 6.0, 3.0])[:, None]
    zeros = torch.zeros(n)
    events = Events(snippets=snippets, offsets_um=torch.zeros(n, 3, 2), is_there=torch.ones(n, 3) > 0,
                    position_um=torch.zeros(n, 2), unit=torch.zeros(n, dtype=torch.int64), shift_samples=zeros,
                    displacement_um=zeros, snr=zeros)
    changed = augment(events, torch.Generator().manual_seed(0))
    sizes = changed.snippets.amin(dim=2)
    torch.testing.assert_close(sizes[:, 0] / sizes[:, 1], torch.full((n,), 1.5), rtol=1e-3, atol=0)
    # (a shifted bump is sampled up to half a sample off its tip)
    assert sizes[:, 0].min() > -9 * (1 + AMPLITUDE) - 0.1
    assert float((sizes[:, 0] / -9 - 1).abs().gt(0.015).float().mean()) > 0.3
    weight = -changed.snippets[:, 0]
    centre = (weight * steps).sum(dim=1) / weight.sum(dim=1)
    torch.testing.assert_close(centre - 30, changed.shift_samples, atol=0.02, rtol=0)
