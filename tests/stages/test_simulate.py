"""simsort simulate and render with real NEURON cells, as small as they can be."""

import json
import re

import pytest

pytest.importorskip("neuron")
pytestmark = [pytest.mark.neuron, pytest.mark.slow]

CELLS = ("--cell-types", "L23_PC,L5_NBC", "--simulated-s", 2)
RECORDINGS = ("--probes", "tetrode", "--duration-s", 4, "--density-per-mm3", 40000, "--foreground-uv", 20)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A folder of `simsort simulate --out` with two cells and a tetrode recording: (folder, what it printed)."""
    import contextlib
    import io

    from simsort.cli import run_stage

    folder, said, printed = tmp_path_factory.mktemp("simulated") / "out", io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
        status = run_stage("simulate", [str(a) for a in ("--out", folder, "--n-jobs", 2, *CELLS, *RECORDINGS)])
    assert status == 0, said.getvalue()
    return folder, said.getvalue(), printed.getvalue()


def checksums(store):
    """Checksum of every cell by name."""
    return {path.stem: json.loads(path.read_text())["sha256"] for path in (store / "cells").glob("*.json")}


def test_costs_are_said_before_and_an_end_time_while_it_runs(simulated):
    _, said, printed = simulated
    assert re.search(r"to do: 2 cells and 1 recording, about .* core-hours .*, .* GB of disk", said.splitlines()[0])
    assert "cells simulated 2 of 2" in said and "\r" not in said
    assert "tetrode_00: 4 s, 4 channels" in printed and "index.html" in printed


def test_the_recording_is_labelled_and_spikeinterface_loads_it(simulated):
    import numpy as np
    import spikeinterface as si

    folder = simulated[0] / "recordings/tetrode_00"
    recording, truth = si.load(folder / "recording"), si.load(folder / "ground_truth")
    assert recording.get_num_channels() == 4 and recording.sampling_frequency == 30000
    assert recording.get_duration() == 4 and recording.get_dtype() == np.int16
    assert truth.get_num_units() >= 1 and truth.count_total_num_spikes() > 0
    for name in ("cell_type", "layer", "x", "y", "z", "snr", "peak_amplitude_uv", "firing_rate"):
        assert len(truth.get_property(name)) == truth.get_num_units()
    assert set(truth.get_property("cell_type")) <= {"L23_PC", "L5_NBC"}
    # the spikes are where the labels say: the mean around them is far from the noise
    unit = truth.unit_ids[int(np.argmax(truth.get_property("peak_amplitude_uv")))]
    traces = recording.get_traces(return_in_uV=True)
    frames = [f for f in truth.get_unit_spike_train(unit) if 60 < f < len(traces) - 60]
    mean = np.mean([traces[f - 30:f + 60] for f in frames], axis=0)
    assert np.ptp(mean, axis=0).max() > 10, "uV"


def test_the_manifest_has_every_file(simulated):
    from simsort.simulation.shards.store import sha256_of

    folder = simulated[0]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [cell["cell_type"] for cell in manifest["cells"]] == ["L23_PC", "L5_NBC"] and manifest["missing"] == []
    for cell in manifest["cells"]:
        assert sha256_of(folder / cell["file"]) == cell["sha256"]
    [recording] = manifest["recordings"]
    listed = {file["path"] for file in recording["files"]}
    there = {str(p.relative_to(folder / "recordings/tetrode_00")) for p in (folder / "recordings/tetrode_00").rglob("*")
             if p.is_file()}
    assert there == listed | {"recording.json"}


def test_shards_give_the_same_bytes(simulated, run_cli, tmp_path):
    for shard in ("1/2", "0/2"):
        done = run_cli("simulate", "--shard", shard, "--store", tmp_path / "store", *CELLS)
        assert done.status == 0 and "1 cells made, 0 kept" in done.stdout, done.stderr
    assert checksums(tmp_path / "store") == checksums(simulated[0] / "library")
    done = run_cli("render", "--store", tmp_path / "store", "--out", tmp_path / "recordings", *RECORDINGS)
    assert done.status == 0, done.stderr
    first, second = (json.loads((f / "tetrode_00/recording.json").read_text())["files"]
                     for f in (simulated[0] / "recordings", tmp_path / "recordings"))
    assert [f for f in first if f["path"].endswith((".raw", ".npy", ".csv"))] == \
        [f for f in second if f["path"].endswith((".raw", ".npy", ".csv"))]


def test_a_rerun_makes_only_what_is_damaged(simulated, run_cli):
    folder = simulated[0]
    before = checksums(folder / "library")
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*.raw")}
    damaged = folder / "library/cells/L23_PC_00.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    done = run_cli("simulate", "--out", folder, *CELLS, *RECORDINGS)
    assert done.status == 0 and "L23_PC_00.safetensors is damaged" in done.stderr, done.stderr
    assert "to do: 1 cell" in done.stderr and "1 of 2 cells are there already" in done.stderr
    assert checksums(folder / "library") == before
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.raw")} == written


@pytest.mark.parametrize("arguments, words", [
    (("--dt-ms", 0.1), ["library holds cells of another configuration (dt_ms", "choose another folder"]),
    (("--cell-types", "L5_TTPCC"), ["L5_TTPCC", "L5_TTPC"]),
    (("--probes", "tetrod"), ["'tetrod'", "tetrode"]),
    (("--simulated-sec", 3), ["simulated-sec", "simulated-s"]),
    (("--seed", 7), ["another configuration (seed"]),
])
def test_mistakes_are_one_line(simulated, run_cli, arguments, words):
    given = dict(zip(CELLS[::2], CELLS[1::2])) | dict(zip(RECORDINGS[::2], RECORDINGS[1::2])) | {arguments[0]: arguments[1]}
    done = run_cli("simulate", "--out", simulated[0], *(part for pair in given.items() for part in pair))
    assert done.status == 2 and all(word in done.stderr.splitlines()[-1] for word in words), done.stderr


def test_other_settings_do_not_overwrite_a_recording(simulated, run_cli):
    done = run_cli("render", "--store", simulated[0] / "library", "--out", simulated[0] / "recordings", *RECORDINGS[:-1], 50)
    assert done.status == 2 and "made with other settings" in done.stderr


def test_a_folder_without_cells_is_said(run_cli, tmp_path):
    done = run_cli("render", "--store", tmp_path, "--out", tmp_path / "out")
    assert done.status == 2 and "simsort simulate" in done.stderr
    done = run_cli("simulate", "--store", tmp_path)
    assert done.status == 2 and "--shard K/N" in done.stderr


def test_the_built_in_example(run_cli, tmp_path):
    import spikeinterface as si
    from spikeinterface.extractors import read_spikeglx

    first = run_cli("example", "--out", tmp_path / "a", "--duration-s", 10)
    assert first.status == 0 and "simulated in NEURON" in first.stdout and "cells simulated 7 of 7" in first.stderr
    truth = si.load(tmp_path / "a/ground_truth")
    recording = read_spikeglx(tmp_path / "a/example_g0", stream_id="imec0.ap")
    assert recording.get_num_channels() == 32 and recording.get_duration() == 10
    assert truth.get_num_units() == 12
    snr = sorted(truth.get_property("snr"))
    assert snr[0] > 3 and 10 < snr[-1] < 40, snr
    header = next((tmp_path / "a/example_g0").rglob("*.ap.meta")).read_text()
    assert "fileCreateTime=2024-01-01T00:00:00+00:00\n" in header, "its NWB file needs no time zone"
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["example.json", "example_g0", "ground_truth"]
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*.bin")}
    again = run_cli("example", "--out", tmp_path / "a", "--duration-s", 10)
    assert again.status == 0 and again.stderr == ""
    assert {path: path.stat().st_mtime_ns for path in written} == written
    other = run_cli("example", "--out", tmp_path / "a", "--duration-s", 11)
    assert other.status == 2 and "other settings" in other.stderr
    assert run_cli("example", "--out", tmp_path / "c", "--n-channels", 400).status == 2


def test_the_papers_own_recordings(run_cli, tmp_path):
    import spikeinterface as si

    done = run_cli("simulate", "--out", tmp_path / "out", "--preset", "paper", "--cell-types", "L5_NBC", "--simulated-s", 3,
                   "--duration-s", 1)
    assert done.status == 0, done.stderr
    [folder] = (tmp_path / "out/recordings").iterdir()
    recording = si.load(folder / "recording")
    assert recording.sampling_frequency == 10000 and recording.get_num_channels() == 4
    assert 1 <= si.load(folder / "ground_truth").get_num_units() <= 15
    assert [path.name for path in folder.parent.iterdir()] == ["tetrode-paper_00"]
