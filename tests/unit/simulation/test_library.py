"""Libraries of simulated cells."""

import dataclasses

import numpy as np
import pytest
from ball_and_stick import MODEL, build
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from simsort.errors import UserError
from simsort.simulation.currents.process import in_fresh_process
from simsort.simulation.currents.run import CurrentChunk
from simsort.simulation.field.geometry import SegmentGeometry
from simsort.simulation.library import making
from simsort.simulation.library.agreement import agreement, compare_modes, library_potential
from simsort.simulation.library.assign import assign_snippets
from simsort.simulation.library.cell_library import CellLibrary
from simsort.simulation.library.factorise import factorise
from simsort.simulation.library.snippets import SnippetCutter, Window, into_order
from simsort.simulation.library.statistics import half_width_ms, trough_to_peak_ms

DT_MS = 1 / 30


def library(n_snippets=20, rank=3, n_segments=5, n_samples=60) -> CellLibrary:
    rng = np.random.default_rng(0)
    geometry = SegmentGeometry(start_um=rng.normal(size=(n_segments, 3)), end_um=rng.normal(size=(n_segments, 3)) + 9,
                               diameter_um=np.ones(n_segments), region=np.zeros(n_segments, dtype=np.uint8))
    return CellLibrary(model=dataclasses.asdict(MODEL), geometry=geometry, sampling_frequency_hz=30000.0, n_before=20,
                       basis_na=rng.normal(size=(rank, n_segments, n_samples)).astype(np.float32),
                       coefficients=rng.normal(size=(n_snippets, rank)).astype(np.float32),
                       spike_times_s=np.sort(rng.uniform(0, 9, n_snippets)), isi_before_ms=rng.uniform(2, 200, n_snippets),
                       isi_after_ms=np.append(rng.uniform(2, 200, n_snippets - 1), np.inf), statistics={"rate_hz": np.nan})


def test_a_file_has_the_same_bytes_each_time_and_reads_back(tmp_path):
    ours = library()
    ours.save(tmp_path / "a")
    ours.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    back = CellLibrary.load(tmp_path / "a")
    np.testing.assert_allclose(back.basis_na, ours.basis_na, atol=5e-4 * np.abs(ours.basis_na).max())
    np.testing.assert_array_equal(back.coefficients, ours.coefficients)
    np.testing.assert_array_equal(back.geometry.end_um, ours.geometry.end_um)
    assert back.isi_after_ms[-1] == np.inf and back.n_before == 20 and back.model["name"] == "ball_and_stick"
    assert back.statistics == {"rate_hz": None}


def test_files_that_are_none_are_named(tmp_path):
    from safetensors.numpy import save_file

    with pytest.raises(UserError, match="does not exist"):
        CellLibrary.load(tmp_path / "none")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(UserError, match="damaged"):
        CellLibrary.load(tmp_path / "text")
    library().save(tmp_path / "cut")
    (tmp_path / "cut").write_bytes((tmp_path / "cut").read_bytes()[:-100])
    with pytest.raises(UserError, match="damaged"):
        CellLibrary.load(tmp_path / "cut")
    save_file({"weights": np.zeros(3)}, tmp_path / "weights")
    with pytest.raises(UserError, match="no simulated cell of this version"):
        CellLibrary.load(tmp_path / "weights")


def test_projection_is_linear_and_the_same_in_torch():
    torch = pytest.importorskip("torch")
    ours, matrix = library(), np.random.default_rng(1).normal(size=(7, 5))
    potentials = ours.project(matrix)
    assert potentials.shape == (3, 7, 60)
    np.testing.assert_allclose(np.tensordot(ours.coefficients[4], potentials, axes=1), matrix @ ours.currents_na(4)[0],
                               rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours.project_torch(matrix).numpy(), potentials, rtol=1e-5, atol=1e-5)
    assert torch.is_tensor(ours.project_torch(matrix))


@given(st.lists(st.floats(2.0, 60.0), min_size=1, max_size=12), st.integers(7, 400))
def test_snippets_of_a_train_add_up_to_the_currents_near_its_spikes(intervals_ms, chunk):
    spikes_ms = 20.0 + np.cumsum(intervals_ms)
    n_samples = round((spikes_ms[-1] + 60) / DT_MS)
    rng = np.random.default_rng(0)
    currents = np.zeros((3, n_samples))
    shape = np.exp(-((np.arange(-30, 60) / 10.0) ** 2))
    for spike_ms in spikes_ms:
        first = int(spike_ms / DT_MS) - 30
        currents[:, first:first + 90] += rng.uniform(0.5, 1, (3, 1)) * shape
    cutter = SnippetCutter(Window.of(DT_MS), 1000, np.random.default_rng(0))
    for first in range(0, n_samples, chunk):
        part = slice(first, first + chunk)
        now = spikes_ms[(spikes_ms >= first * DT_MS) & (spikes_ms < (first + currents[:, part].shape[1]) * DT_MS)]
        cutter.add(CurrentChunk(first_sample=first, membrane_currents_na=currents[:, part], soma_v_mv=np.zeros(1)), now)
    snippets, kept = cutter.finish()
    assert [mark.time_ms for mark in kept] == list(spikes_ms)
    total = np.zeros_like(currents)
    for snippet, mark in zip(snippets, kept):
        first = int(np.floor(mark.time_ms / DT_MS)) - cutter.window.n_before
        total[:, first:first + snippet.shape[1]] += snippet
    np.testing.assert_allclose(total, currents, atol=0.02)


def test_memory_is_bounded_and_the_choice_even():
    cutter = SnippetCutter(Window.of(DT_MS), 10, np.random.default_rng(0))
    for second in range(20):
        spikes_ms = second * 1000 + np.arange(10, 1000, 50.0)
        cutter.add(CurrentChunk(first_sample=second * 30000, membrane_currents_na=np.zeros((2, 30000)),
                                soma_v_mv=np.zeros(30000)), spikes_ms)
        assert len(cutter.kept) <= 10 and cutter.tail.shape[1] <= 2 * cutter.window.n_samples
    snippets, kept = cutter.finish()
    times = [mark.time_ms for mark in kept]
    assert min(times) < 10_000 < max(times) and times == sorted(times)
    assert np.shares_memory(snippets, cutter.currents)


@given(st.permutations(range(9)))
def test_rows_are_put_into_order_in_place(order):
    rows = np.arange(18).reshape(9, 2)
    expected = rows[list(order)]
    into_order(rows, list(order))
    np.testing.assert_array_equal(rows, expected)


def test_a_train_without_a_quiet_moment_has_snippets_too():
    cutter = SnippetCutter(Window.of(DT_MS), 10, np.random.default_rng(0))
    cutter.add(CurrentChunk(first_sample=0, membrane_currents_na=np.ones((2, 6000)), soma_v_mv=np.zeros(6000)),
               np.arange(3.5, 200, 8.0))
    snippets, kept = cutter.finish()
    assert snippets.shape == (10, 2, 390) and len(kept) == 10
    assert SnippetCutter(Window.of(DT_MS), 10, np.random.default_rng(0)).finish()[0].shape[0] == 0


def test_components_do_not_depend_on_the_number_of_threads():
    rng = np.random.default_rng(0)
    snippets = rng.normal(size=(60, 5, 400)).astype(np.float32)
    found = []
    for n_threads in (1, 2, 4):
        with threadpool_limits(n_threads):
            found.append(factorise(snippets, library().geometry, 0.01))
    for basis, coefficients in found[1:]:
        np.testing.assert_array_equal(basis, found[0][0])
        np.testing.assert_array_equal(coefficients, found[0][1])


def test_few_components_keep_every_peak():
    rng = np.random.default_rng(0)
    truth = np.einsum("kr,rst->kst", rng.normal(size=(50, 2)), rng.normal(size=(2, 5, 80))).astype(np.float32)
    basis, coefficients = factorise(truth, library().geometry, 0.01)
    assert len(basis) == 2
    np.testing.assert_allclose(np.tensordot(coefficients, basis, axes=1), truth, atol=1e-3)


def test_no_more_components_than_needed_where_many_are():
    rng = np.random.default_rng(0)
    truth = np.einsum("kr,rst->kst", rng.normal(size=(300, 150)), rng.normal(size=(150, 5, 80))).astype(np.float32)
    assert 128 < len(factorise(truth, library().geometry, 0.01)[0]) <= 160


def test_a_spike_gets_a_snippet_from_a_similar_place_in_a_train():
    ours = dataclasses.replace(library(), isi_before_ms=np.array([5.0] * 10 + [100.0] * 10), isi_after_ms=np.full(20, 100.0))
    times_s = np.array([0.0, 0.2, 0.205, 0.4, 0.404])
    snippets = assign_snippets(times_s, ours, np.random.default_rng(0))
    assert np.all((snippets < 10) == [False, False, True, False, True])
    assert len(assign_snippets(np.zeros(0), ours, np.random.default_rng(0))) == 0


def test_widths_of_known_shapes():
    time_ms = np.arange(-60, 120) * DT_MS
    waveform = -np.exp(-(time_ms / 0.15) ** 2) + 0.4 * np.exp(-((time_ms - 0.62) / 0.3) ** 2)
    assert trough_to_peak_ms(waveform, 30000.0) == pytest.approx(0.62, abs=0.02)
    triangle = np.maximum(-65.0, 30.0 - 95.0 * np.abs(time_ms) / 0.8)
    assert half_width_ms(triangle, DT_MS) == pytest.approx(0.8, abs=0.06)


def test_spike_times_are_the_same_to_the_last_bit_or_not():
    spikes_ms = np.array([97.3, 2038.9344076225002, 2400.1])  # the second is rounded either way at nine digits of a ms
    ours = dataclasses.replace(library(n_snippets=3), spike_times_s=spikes_ms / 1000)
    whole = library_potential(ours, 90_000)
    assert agreement(ours, whole, np.append(spikes_ms, 2995.0), DT_MS).same_spike_times  # the window of the last is cut
    assert not agreement(ours, whole, spikes_ms + np.array([0, 1e-9, 0]), DT_MS).same_spike_times
    assert not agreement(ours, whole, np.append(spikes_ms, 2900.0), DT_MS).same_spike_times


def make_small(duration_s, max_snippets):
    making_cell = making.make_here.__globals__
    import simsort.simulation.cells.model as model_module

    model_module.build_cell = build
    assert "make_drive" in making_cell
    return making.make_here(MODEL, "conductances", duration_s, DT_MS, 0, max_snippets, "auto", 0.008, {"config_hash": "abc"})


@pytest.mark.neuron
def test_a_cell_becomes_a_library_the_same_each_time(tmp_path):
    made = [in_fresh_process(make_small, 4.0, 20) for _ in range(2)]
    for number, one in enumerate(made):
        one.save(tmp_path / str(number))
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()
    one = made[0]
    assert one.n_snippets <= 20 and one.basis_na.shape[1:] == (6, 390)
    assert one.statistics["config_hash"] == "abc" and one.statistics["n_spikes"] >= one.n_snippets
    peak_sample = np.abs(one.currents_na(0)[0][0]).argmax()
    assert abs(peak_sample - one.n_before) < 30


@pytest.mark.neuron
@pytest.mark.slow
@pytest.mark.parametrize("cell_type", ["L23_PC", "L5_TTPC", "L4_LBC"])
def test_library_and_whole_currents_agree(cell_type):
    from simsort.simulation.cells.cell_types import builtin_models

    found = compare_modes(builtin_models([cell_type], n_individuals=1, seed=3)[0], duration_s=4.0)
    assert found.same_spike_times and found.n_spikes >= 5
    assert found.peak_error < 0.01
    assert found.residual_uv < 2.0
