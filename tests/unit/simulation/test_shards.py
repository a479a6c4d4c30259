"""Plan, shards and store of simulated cells: what is finished is kept, what is damaged found, nothing else taken for it."""

import errno
import json
import struct
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsort.cli import explain
from simsort.config.parameters import resolve
from simsort.errors import UserError
from simsort.simulation.shards import simulate
from simsort.simulation.shards.estimate import check_disk, estimate_cells
from simsort.simulation.shards.plan import Plan, config_hash, parse_shard
from simsort.simulation.shards.store import Store

SETTINGS = resolve({})["simulation"]


def plan_of(*names, settings=SETTINGS, identity="0123456789ab"):
    """A plan of cells of which only the names count."""
    return Plan(settings=dict(settings), models=tuple(SimpleNamespace(name=name) for name in names), config_hash=identity)


def save_cell(content="currents", identity="0123456789ab"):
    """Write a file with a header as a cell's."""
    def save(path):
        header = json.dumps({"__metadata__": {"library": json.dumps({"statistics": {"config_hash": identity}})}}).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + content.encode())
    return save


@given(n_cells=st.integers(1, 40), wanted=st.integers(0, 50))
def test_shards_share_all_cells(n_cells, wanted):
    plan = plan_of(*(f"cell_{i:02d}" for i in range(n_cells)), settings={**SETTINGS, "n_shards": wanted})
    shards = [plan.shard(index, plan.n_shards) for index in range(plan.n_shards)]
    assert sorted(model.name for shard in shards for model in shard) == plan.names
    assert min(map(len, shards)) >= 1 and plan.n_shards <= n_cells


@pytest.mark.parametrize("text", ["4/4", "1", "a/b", "-1/4", "0/0", "1/2/3", ""])
def test_a_wrong_shard_is_named(text):
    with pytest.raises(UserError, match="--shard"):
        parse_shard(text)
    assert parse_shard(" 3/4") == (3, 4)


def test_the_configuration_is_what_changes_a_cell():
    pytest.importorskip("neuron")
    same = {**SETTINGS, "n_shards": 7, "n_individuals": 3, "cell_types": ["L5_TTPC"]}
    assert config_hash(SETTINGS) == config_hash(same)
    for name, value in (("dt_ms", 0.05), ("seed", 1), ("simulated_s", 5.0), ("drive", "pink_noise")):
        assert config_hash({**SETTINGS, name: value}) != config_hash(SETTINGS), name


def test_the_store_knows_finished_missing_and_damaged_cells(tmp_path):
    plan = plan_of("a", "b", "c", "d")
    store = Store(tmp_path, plan)
    for name in "abc":
        store.write(name, save_cell(name), cell_type="x")
    store.path("b").write_bytes(store.path("b").read_bytes()[:-1])
    store.path("c").with_suffix(".json").unlink()  # killed between file and note
    assert store.states(plan.names) == {"a": "finished", "b": "corrupt", "c": "corrupt", "d": "missing"}
    flipped = bytearray(store.path("a").read_bytes())
    flipped[-1] ^= 1
    store.path("a").write_bytes(flipped)
    assert Store(tmp_path, plan).state("a") == "corrupt"
    assert not list(tmp_path.rglob("*.part"))


def test_a_cell_of_another_configuration_is_refused_by_name(tmp_path):
    store = Store(tmp_path, plan_of("a"))
    save_cell(identity="fedcba987654")(store.path("a"))
    with pytest.raises(UserError, match=r"a\.safetensors .*fedcba987654.*remove it"):
        store.state("a")


def test_a_store_of_another_configuration_is_refused(tmp_path):
    Store(tmp_path, plan_of("a"))
    other = plan_of("a", settings={**SETTINGS, "dt_ms": 0.1}, identity="fedcba987654")
    with pytest.raises(UserError, match="dt_ms .* instead of 0.1.*choose another folder"):
        Store(tmp_path, other)
    Store(tmp_path, plan_of("a", "b", settings={**SETTINGS, "n_individuals": 2}))  # more of the same is welcome
    assert json.loads((tmp_path / "store.json").read_text())["settings"]["n_individuals"] == 2


def fake_work(monkeypatch, errors=()):
    """Replace the simulation itself; a cell whose name is in `errors` raises that."""
    made = []

    def simulate_cell(plan, store, model):
        if model.name in dict(errors):
            raise dict(errors)[model.name]
        made.append(model.name)
        return store.write(model.name, save_cell(model.name))

    monkeypatch.setattr(simulate, "simulate_cell", simulate_cell)
    return made


def test_only_what_is_missing_or_damaged_is_made(tmp_path, monkeypatch, capsys):
    plan = plan_of("a", "b", "c")
    store, made = Store(tmp_path, plan), fake_work(monkeypatch)
    assert simulate.simulate_cells(plan, store, plan.models[:1]) == 1
    assert simulate.simulate_cells(plan, store, plan.models, n_jobs=2) == 2
    store.path("b").write_bytes(b"")
    assert simulate.simulate_cells(plan, store, plan.models) == 1
    assert made == ["a", *sorted(made[1:3]), "b"] and "b.safetensors is damaged: it is made again" in capsys.readouterr().err
    assert simulate.simulate_cells(plan, store, plan.models) == 0


def test_a_cell_that_fails_costs_the_others_nothing(tmp_path, monkeypatch, capsys):
    plan = plan_of("a", "b", "c")
    store = Store(tmp_path, plan)
    fake_work(monkeypatch, {"b": UserError("it never fires", "choose another drive")}.items())
    with pytest.raises(UserError, match="1 of 3 cells were not made: b: it never fires: choose another drive"):
        simulate.simulate_cells(plan, store, plan.models)
    assert list(store.states(plan.names).values()) == ["finished", "missing", "finished"]
    assert "cell b was not made" in capsys.readouterr().err


def test_a_full_disk_is_one_line_and_keeps_what_is_finished(tmp_path, monkeypatch):
    plan = plan_of("a", "b")
    store = Store(tmp_path, plan)
    fake_work(monkeypatch, {"b": OSError(errno.ENOSPC, "No space left on device", "b.part")}.items())
    with pytest.raises(OSError) as error:
        simulate.simulate_cells(plan, store, plan.models)
    assert explain(error.value) == ("no space left on the disk at b.part: free some and run again, finished stages are kept",
                                    1)
    assert store.states(plan.names) == {"a": "finished", "b": "missing"}


def test_a_disk_that_is_too_small_is_said_before_the_start(tmp_path):
    estimate = estimate_cells(10, SETTINGS)
    check_disk(tmp_path / "not yet there", estimate)
    assert "10 cells" in estimate.line(4) and "core-hours" in estimate.line(4)
    with pytest.raises(UserError, match="GB free"):
        check_disk(tmp_path, estimate_cells(10**12, SETTINGS))
