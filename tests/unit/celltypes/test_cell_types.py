"""Kinds of cells: features, training on simulated cells, the head's folder, an analyzer's units."""

from dataclasses import replace

import numpy as np
import pytest
from steady_torch import one_thread  # noqa: F401


@pytest.fixture(scope="module")
def cells_folder(tmp_path_factory):
    """Cells of two pyramidal types and one PV type, three individuals each."""
    from made_up_cells import made_up_cells

    folder = tmp_path_factory.mktemp("simulated") / "library" / "cells"
    folder.mkdir(parents=True)
    for cell in made_up_cells(3):
        cell.save(folder / f"{cell.model['name']}.safetensors")
    return folder.parents[1]


@pytest.fixture(scope="module")
def units(cells_folder):
    """A few placed units of each kind."""
    from simsort.celltypes.simulated import draw_units
    from simsort.pretraining.cells import Cells, find_cells

    return draw_units(Cells(find_cells(cells_folder)), 40, 0, ("excitatory", "PV"))


def wave(width_ms, fs=30000.0, n_contacts=8, speed_um_per_ms=400.0):
    """Return a spike (n_contacts, n) that travels up contacts 20 um apart, and the contacts."""
    contacts_um = np.stack([np.zeros(n_contacts), 20.0 * np.arange(n_contacts)], axis=1)
    time_ms = np.arange(-2, 3, 1000 / fs)[None] - contacts_um[:, 1:] / speed_um_per_ms
    shape = -np.exp(-(time_ms / width_ms) ** 2) + 0.4 * np.exp(-((time_ms - 3 * width_ms) / (2 * width_ms)) ** 2)
    return 100 * np.exp(-contacts_um[:, 1:] / 60) * shape, contacts_um


def features(*given, **more):
    from simsort.celltypes.features import NAMES, unit_features

    rng = np.random.default_rng(0)
    intervals_ms = more.get("intervals_ms", rng.gamma(2.0, 50.0, 200))
    found = unit_features(*given, more.get("fs", 30000.0), intervals_ms, more.get("rate_hz", 10.0))
    return None if found is None else dict(zip(NAMES, found))


def test_features_are_what_they_are_called():
    narrow, broad = features(*wave(0.1)), features(*wave(0.2))
    assert broad["half width (ms)"] == pytest.approx(2 * narrow["half width (ms)"], rel=0.1)
    assert broad["trough to peak (ms)"] > 1.6 * narrow["trough to peak (ms)"]
    assert narrow["half width (ms)"] == pytest.approx(2 * 0.1 * np.sqrt(np.log(2)), rel=0.15)
    assert 0.3 < narrow["peak ratio"] < 0.45 and list(narrow.values())[12] == pytest.approx(-1.0, abs=0.02)
    assert narrow["delay up (ms per 100 um)"] == pytest.approx(0.25, abs=0.03), "400 um per ms"
    assert narrow["rate (log Hz)"] == 1.0
    burst = features(*wave(0.1), intervals_ms=np.tile([4.0, 300.0], 100))
    assert burst["share of intervals in bursts"] == 0.5 and burst["local variation"] > 2.5


def test_features_do_not_depend_on_size_rate_of_sampling_or_channels_far_away():
    waveform, contacts_um = wave(0.15)
    one, louder = features(waveform, contacts_um), features(7 * waveform, contacts_um)
    assert all(one[name] == pytest.approx(louder[name], abs=1e-4) for name in one)
    slow = features(wave(0.15, fs=24000.0)[0], contacts_um, fs=24000.0)
    same = [name for name in one if "log" not in name and "um" not in name]
    assert all(one[name] == pytest.approx(slow[name], abs=0.08) for name in same)
    far = np.vstack([waveform, 0 * waveform[:1]]), np.vstack([contacts_um, [0.0, 900.0]])
    assert features(*far) == one


def test_what_cannot_be_judged_is_not():
    waveform, contacts_um = wave(0.15)
    assert features(-waveform, contacts_um) is None, "positive-going"
    assert features(waveform, contacts_um, intervals_ms=np.ones(5)) is None, "hardly any spikes"
    assert features(0 * waveform, contacts_um) is None
    assert features(waveform[:1], contacts_um[:1])["spread (um)"] == 0.0, "a single contact will do"


def test_placed_units_are_of_the_kinds_asked_for(units):
    assert np.unique(units.kind, return_counts=True)[1].tolist() == [20, 20]
    assert np.isfinite(units.features).all() and len(np.unique(units.cell)) > 4
    assert len(np.unique(units.features, axis=0)) == 40, "each placed anew"


def trained(units, **note):
    from simsort.celltypes.training import train_head

    head = train_head(units.only(slice(0, None, 2)), units.only(slice(1, None, 2)), ("excitatory", "PV"),
                      least_probability=0.6, seed=0)
    return replace(head, note=head.note | note)


def test_the_head_tells_kinds_apart_and_says_when_it_is_unsure(units, monkeypatch):
    from simsort.celltypes import training

    monkeypatch.setattr(training, "N_STEPS", 150)
    head = trained(units)
    scores = training.score_head(head, units)
    assert scores["balanced_accuracy"] > 0.85 and scores["balanced_accuracy_three"] == scores["balanced_accuracy"]
    assert 0 <= scores["calibration_error"] <= 1 and np.allclose(sum(scores["confusion"]["PV"].values()), 1)
    answer, best, every = head.answers(units.features)
    assert np.allclose(every.sum(axis=1), 1) and set(answer) <= {"excitatory", "PV", "unsure"}
    assert (answer[best < 0.6] == "unsure").all()
    signs = np.sign(np.random.default_rng(0).standard_normal(units.features.shape))
    strange = units.features + 40 * units.features.std(axis=0) * signs
    assert (head.answers(strange)[0] == "unsure").all(), "far from everything seen"
    assert head.is_familiar(units.features) and not head.is_familiar(strange)
    mixed = np.concatenate([strange, units.features[:10]])
    assert (head.answers(mixed)[0] == "unsure").all(), "most of the recording is unlike what was learnt"
    assert (head.answers(units.features[:10])[0] != "unsure").any()
    again = trained(units)
    assert all(np.array_equal(head.tensors[name], again.tensors[name]) for name in head.tensors)


def test_units_are_scored_by_recording_in_their_order(units, tmp_path, monkeypatch):
    from simsort.celltypes import training
    from simsort.celltypes.main import save_head

    monkeypatch.setattr(training, "N_STEPS", 50)
    monkeypatch.setattr(training, "RECORDING_UNITS", 7)
    head = trained(units, usual=np.inf)
    assert all(np.allclose(one, other) for one, other in zip(
        training.answers_by_recording(head, units.features)[1:], head.answers(units.features)[1:]))
    never = trained(units, usual=0.0)
    scores = training.score_head(never, units)
    assert scores["unsure"] == 1.0 and scores["balanced_accuracy_sure"] is None
    save_head(tmp_path, never.tensors, {**never.note, "scores": {"strange cells": scores}})
    assert "| balanced accuracy of the others | – |" in (tmp_path / "MODEL_CARD.md").read_text()


def test_calibration_error_of_known_claims():
    from simsort.celltypes.training import calibration_error

    claimed = np.full(1000, 0.85)
    right = np.arange(1000) % 100 < 65
    assert calibration_error(claimed, right) == pytest.approx(0.2)
    assert calibration_error(claimed, np.arange(1000) % 100 < 85) == pytest.approx(0.0, abs=1e-9)


def test_the_reader_reads_what_the_package_writes(tmp_path):
    from safetensors.numpy import save_file

    from simsort.celltypes.head import read_safetensors

    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float32([1.5])}
    save_file(tensors, tmp_path / "t.safetensors", metadata={"x": "y"})
    read = read_safetensors(tmp_path / "t.safetensors")
    assert all(np.array_equal(read[name], tensors[name]) for name in tensors) and set(read) == set(tensors)


def test_the_command_trains_scores_and_writes_a_folder(run_cli, cells_folder, tmp_path, monkeypatch):
    from simsort.celltypes import training
    from simsort.celltypes.head import load_head
    from simsort.errors import UserError

    monkeypatch.setattr(training, "N_STEPS", 50)
    command = ("pretrain", "--method", "cell-types", "--cells", cells_folder, "--classes", '["excitatory", "PV"]')
    done = run_cli(*command, "--test-cells", cells_folder, "--n-units", "40", "--out", tmp_path / "head")
    assert done.status == 0, done.stderr
    assert done.stdout.count("balanced accuracy") == 2
    head = load_head(tmp_path / "head")
    assert head.classes == ["excitatory", "PV"]
    assert head.note["data"]["tested_on"] == ["L23_PC_02", "L5_PVB_02", "L5_TTPC_02"]
    card = (tmp_path / "head" / "MODEL_CARD.md").read_text()
    assert "what kind of cell" in card and "morphologies never seen" in card
    file = tmp_path / "head" / "head.safetensors"
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(UserError, match="missing or damaged"):
        load_head(tmp_path / "head")


TWO_KINDS = ("--cells", "{cells}", "--classes", '["excitatory", "PV"]')


@pytest.mark.parametrize("arguments, words", [
    ((), "needs simulated cells"),
    (("--cells", "{cells}"), "no cell of kind SST was simulated"),
    (("--cells", "{cells}", "--classes", '["PV"]'), "one kind only"),
    (("--cells", "{cells}", "--classes", '["PV", "granule"]'), "allowed: any of excitatory, PV, SST, VIP, NGC"),
    (("--cells", "{few}"), "has 1 individuals, and training needs three of each type"),
    ((*TWO_KINDS, "--test-cells", "{few}"), "the cells to test on are of excitatory of the kinds excitatory, PV"),
    ((*TWO_KINDS, "--test-cells", "{other}"), "the cells to test on are of none of the kinds excitatory, PV"),
    ((*TWO_KINDS, "--test-cells", "{few}/nowhere"), "is no folder of cells"),
])
def test_mistakes_are_one_line_before_any_training(run_cli, cells_folder, tmp_path, monkeypatch, arguments, words):
    import shutil

    from made_up_cells import made_up_cells
    from simsort.celltypes import main
    from simsort.simulation.library.cell_library import CellLibrary

    def train_head(*given, **more):
        raise AssertionError("trained")

    monkeypatch.setattr(main, "train_head", train_head)
    other = tmp_path / "other" / "cells"
    other.mkdir(parents=True)
    unknown = made_up_cells(1)[0]
    CellLibrary.save(replace(unknown, model=unknown.model | {"subclass": "unknown"}), other / "L9_XYZ_00.safetensors")
    few = tmp_path / "library" / "cells"
    few.mkdir(parents=True)
    shutil.copy(next((cells_folder / "library" / "cells").glob("L23*00*")), few)
    folders = {"{cells}": cells_folder, "{few}": tmp_path / "library", "{other}": other.parent}
    for name, folder in folders.items():
        arguments = [word.replace(name, str(folder)) for word in arguments]
    done = run_cli("pretrain", "--method", "cell-types", *arguments, "--out", tmp_path / "head")
    assert done.status == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
