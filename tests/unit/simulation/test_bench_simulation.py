"""`simsort bench simulation`: measures of spikes, published ranges, tables from given numbers, environments."""

import numpy as np
import pytest

from simsort.benchmarks.simulation import blocks, environments, main, pictures, published, real_units, waveforms
from simsort.benchmarks.simulation.rendering import rows_of
from simsort.benchmarks.tables import update_docs
from simsort.stages import bench

SHARED = {"command": "simsort bench simulation", "load": {"load_before": 0.5, "other_cores": 0.1},
          "machine": {"n_cores": 2, "memory_gb": 25, "cpu": "a processor", "python": "3.11",
                      "git_commit": "0123456789abcdef", "date": "2026-11-20", "packages": {"neuron": "9.0.2"}}}
QUANTILES = {"n": 40, "p05": 0.5, "p25": 0.6, "median": 0.7, "p75": 0.8, "p95": 0.9}
MEAREC = {"templates": {"cpu_s": 100.0}, "recordings": [{"cpu_s": 2.0, "duration_s": 10.0, "n_units": 30},
                                                        {"cpu_s": 8.0, "duration_s": 60.0, "n_units": 30}]}
OURS = {"n_cells": 14, "simulated_s": 20.0, "library_cpu_s": 200.0, "plan_cpu_s": 1.0, "render_cpu_s": 2.0,
        "duration_s": 60.0, "n_units": 30, "n_background": 90, "streamed_s": 60.0, "stream_cpu_s": 1.5,
        "truth_cpu_s": 0.5}


def spike(rate_hz=30000.0, trough_ms=1.0, peak_ms=1.6):
    """A trough of -100 uV and a lower, later peak."""
    t = np.arange(round(0.004 * rate_hz)) / rate_hz * 1000
    return -100 * np.exp(-(((t - trough_ms) / 0.12) ** 2)) + 30 * np.exp(-(((t - peak_ms) / 0.25) ** 2))


def cell_row(cell_type, subclass, median):
    return {"cell_type": cell_type, "subclass": subclass, "trough_to_peak_ms": {**QUANTILES, "median": median},
            "spread_um": QUANTILES, "half_width_ms": 0.81, "rate_hz": 3.2, "rate_range_hz": [0.1, 5.0],
            "gain_hz_per_na": 200.0, "maximal_rate_hz": 80.0, "distances_um": [20.0, 50.0, 100.0],
            "amplitudes_uv": [200.0, 60.0, 15.0], "currents_na": [0.1, 0.2], "rates_hz": [5.0, 20.0],
            "waveform_ms": [-1.0, 0.0, 1.0], "waveform_uv": [0.0, -80.0, 20.0]}


@pytest.mark.parametrize("rate_hz", [25000.0, 30000.0])
def test_trough_to_peak_of_a_known_spike(rate_hz):
    assert waveforms.trough_to_peak_ms(spike(rate_hz), rate_hz) == pytest.approx(0.6, abs=0.03)


def test_high_pass_keeps_fast_and_removes_slow():
    t = np.arange(3000) / 30000.0
    slow, fast = np.sin(2 * np.pi * 30 * t), np.cos(2 * np.pi * 3000 * t)
    middle = slice(1000, 2000)
    assert np.abs(waveforms.high_pass(slow, 30000.0)[middle]).max() < 0.01
    assert np.abs(waveforms.high_pass(fast, 30000.0)[middle]).max() == pytest.approx(1, abs=0.01)


def test_spread_is_the_extent_of_the_loud_contacts():
    assert waveforms.spread_um(np.array([1.0, 12.0, 100.0, 30.0, 11.0]), np.arange(5) * 20.0) == 40.0


def test_quantiles_of_nothing():
    assert waveforms.quantiles([np.nan]) == {"n": 0, "median": None}


@pytest.mark.parametrize("subclass, value, words", [
    ("pyramidal", 0.7, "within"), ("pyramidal", 1.2, "**above by 0.3**"), ("PV", 0.1, "**below by 0.1**")])
def test_published_ranges(subclass, value, words):
    assert published.verdict(value, published.TROUGH_TO_PEAK_MS[subclass]) == words


def test_no_verdict_without_a_range_and_every_source_is_listed():
    assert published.verdict(0.7, published.TROUGH_TO_PEAK_MS.get("SST")) == ""
    tables = (published.TROUGH_TO_PEAK_MS, published.HALF_WIDTH_MS, published.GAIN_HZ_PER_NA, published.MAXIMAL_RATE_HZ)
    for figure in [figure for table in tables for figure in table.values()]:
        assert all(key in published.REFERENCES for key in figure.source.split(", "))


def test_speed_block():
    rows = [{"cell_type": "L5_TTPC", "n_segments": 150, "simulated_s": 4.0, "cpu_s": 3.0, "library_cpu_s": 20.0,
             "library_simulated_s": 20.0},
            {"cell_type": "L5_PV_LBC", "n_segments": 70, "simulated_s": 4.0, "cpu_s": 1.5, "library_cpu_s": None}]
    same = [{"cell": "L5_X", "program": "ours", "n_segments": 200, "dt_ms": 1 / 30, "simulated_s": 1.0, "cpu_s": 1.0}]
    text = blocks.speed_block({**SHARED, "speed": rows, "same_cell": same,
                               "unavailable": {"LFPy": "cannot be installed"}})
    assert "| L5_TTPC | 150 | 80 | 60 |" in text
    assert "Mean 120 cell-seconds per core-minute (aim: 100 or more at dt = 1/30 ms, reached)." in text
    assert "| L5_X | ours | 200 | 33.3 | 60 |" in text
    assert text.endswith("LFPy: not measured, cannot be installed.")
    assert "commit 0123456789ab;" in text


def test_discretisation_block():
    row = {"cell_type": "L5_TTPC", "n_segments": 150, "n_segments_full": 1350, "amplitude_uv": 88.0,
           "amplitude_full_uv": 100.0}
    text = blocks.discretisation_block({**SHARED, "discretisation": [row]})
    assert "| L5_TTPC | 150 | 1350 | 88 | 100 | -12.0 % |" in text
    assert "Largest error 12.0 % (L5_TTPC; aim: under 10 %, **not reached**)" in text


def test_labelled_block_counts_the_library_once_and_templates_both_ways():
    result = {**SHARED, "ours": OURS, "mearec": {"": MEAREC}, "unavailable": {}}
    ours, on_disk, anew, once = blocks.labelled_rows(result)
    assert ours["first"] == pytest.approx(3600 * 60 / 203)
    assert ours["hundred"] == on_disk["hundred"] == pytest.approx(3600 * 6000 / 500)
    assert ours["thousand"] == pytest.approx(3600 * 60000 / 3200)
    assert anew["first"] == anew["hundred"] == pytest.approx(3600 * 60 / 108)
    assert once["hundred"] == pytest.approx(3600 * 6000 / 900)
    text = blocks.labelled_block(result)
    assert "| ours | 200 | 3.0 | 60 | 1,064 | 43,200 | 67,500 |" in text
    assert "is **not reached** over 100 recordings (21.6 times) and **not reached** over 1,000 (33.8 times)" in text


def test_labelled_block_without_mearec():
    text = blocks.labelled_block({**SHARED, "ours": OURS, "mearec": {}, "unavailable": {"MEArec": "no network"}})
    assert "MEArec: not measured, no network." in text


def test_rendering_block():
    rows = rows_of({"ours": OURS, "mearec": {"": MEAREC}, "unavailable": {}})
    text = blocks.rendering_block({**SHARED, **rows})
    assert "With drift and noise 40.0 times real time per core (aim: 30, reached)." in text
    assert "| 60 | 8.0 | 7.5 |" in text


def test_memory_block():
    rows = [{"what": "shard", "seconds": s, "peak_pss_bytes": p, "peak_own_bytes": p, "wall_s": 9.0}
            for s, p in ((5.0, 4e8), (40.0, 6e8))]
    text = blocks.memory_block({**SHARED, "memory": rows})
    assert "- shard: at most 0.60 GB (under 1 GB: reached); +50 % from 5 to 40 s" in text
    assert "(flat, at most +20 %: **not reached**)" in text


def test_agreement_block():
    row = {"cell_type": "L5_TTPC", "n_spikes": 31, "same_spikes": True, "peak_error": -0.004, "residual_uv": 2.5}
    text = blocks.agreement_block({**SHARED, "agreement": [row]})
    assert "| L5_TTPC | 31 | yes | -0.40 | 2.50 |" in text
    assert "(aim: within 1 %, reached)" in text and "(aim: under 2, **not reached**)" in text


@pytest.mark.parametrize("real", [{}, {"units": {"note": "what", "narrow_ms": QUANTILES, "broad_ms": QUANTILES,
                                                 "spread_um": {"n": 0, "median": None}}}])
def test_realism_block(real):
    rows = [cell_row("L5_TTPC", "pyramidal", 0.7), cell_row("L5_PV_LBC", "PV", 0.5), cell_row("L5_SST_MC", "SST", None)]
    text = blocks.realism_block({**SHARED, "realism": rows, "real_units": real})
    assert "| L5_TTPC | pyramidal | 0.70 | 0.50–0.90 | 0.5–0.9 | within | 0.81 | 0.8 |" in text
    assert "| 0.2–0.4 | **above by 0.1** |" in text
    assert "| L5_SST_MC | SST | – | – | none |  |" in text
    assert ("SIMSORT_DATA is not set" in text) == (not real)


def test_pictures_are_small(tmp_path):
    rows = [cell_row(name, subclass, 0.7) for name, subclass in (("A", "pyramidal"), ("B", "PV"), ("C", "NGC"))]
    for path in pictures.draw_all(rows, {"units": {"trough_to_peak_ms": [0.3, 0.7]}}, tmp_path):
        assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size < 150_000


def test_real_units_are_skipped_without_the_folder(monkeypatch):
    monkeypatch.delenv("SIMSORT_DATA", raising=False)
    assert real_units.real_units() == {}


@pytest.mark.data
def test_real_units(simsort_data):
    found = real_units.summary(real_units.real_units())
    assert found["emouse_templates"]["spread_um"]["n"] == 76
    assert found["wavemap_macaque"]["narrow_ms"]["median"] < 0.4 < found["wavemap_macaque"]["broad_ms"]["median"]


def test_results_accumulate_and_update_the_document(tmp_path):
    out = tmp_path / "bench"
    out.mkdir()
    row = {"cell_type": "L5_TTPC", "n_spikes": 31, "same_spikes": True, "peak_error": 0.0, "residual_uv": 1.0}
    main.write_json(out / "agreement.json", {**SHARED, "agreement": [row]})
    main.write_json(out / "labelled.json", {**SHARED, "ours": OURS, "mearec": {"": MEAREC}, "unavailable": {}})
    results = main.bench_simulation(main.Settings(out=out, parts=(main.TABLES,)))
    docs = tmp_path / "simulation.md"
    docs.write_text("# T\n\n<!-- bench simulation-labelled -->\nof before\n<!-- end simulation-labelled -->\n")
    update_docs(docs, main.blocks_of(results))
    assert "of before" not in docs.read_text() and "| ours | 200 |" in docs.read_text()
    assert "<!-- bench simulation-agreement -->" in docs.read_text()


def test_pictures_lie_beside_the_document_that_shows_them(tmp_path, run_cli, monkeypatch):
    monkeypatch.delenv("SIMSORT_DATA", raising=False)
    (tmp_path / "bench").mkdir()
    rows = [cell_row("L5_TTPC", "pyramidal", 0.7)]
    main.write_json(tmp_path / "bench" / "realism.json", {**SHARED, "realism": rows, "real_units": {}})
    docs = tmp_path / "docs" / "simulation.md"
    docs.parent.mkdir()
    docs.write_text("# T\n")
    outcome = run_cli("bench", "simulation", "--out", tmp_path / "bench", "--parts", "tables", "--update-docs", docs)
    assert outcome.status == 0, outcome.stderr
    for name in blocks.PICTURES:
        assert f"(img/simulation/{name}.png)" in docs.read_text()
        assert (docs.parent / "img" / "simulation" / f"{name}.png").is_file()


def test_a_peer_that_cannot_be_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "environment_commands", lambda folder, requirements: [
        ["bash", "-c", "echo ERROR: no matching distribution; exit 1"]])
    with pytest.raises(environments.PeerUnavailable, match="cannot be installed .ERROR: no matching distribution"):
        environments.peer_python("lfpy", tmp_path)


@pytest.mark.parametrize("uv, first", [(None, "-m"), ("/bin/uv", "venv")])
def test_environments_are_made_with_uv_where_it_is(tmp_path, monkeypatch, uv, first):
    monkeypatch.setattr(environments.shutil, "which", lambda name: uv)
    commands = environments.environment_commands(tmp_path / "e", environments.PEERS / "requirements-mearec.txt")
    assert commands[0][1] == first and len(commands) == 2


@pytest.mark.parametrize("name, pins", [
    ("lfpy", ("LFPy==2.3.7",)), ("mearec", ("MEArec[templates]==1.11.0", "neuron==8.2.7"))])
def test_requirements_are_pinned(name, pins):
    lines = (environments.PEERS / f"requirements-{name}.txt").read_text().splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert set(pins) <= set(packages) and all("==" in line for line in packages)


def test_parts_are_the_same_everywhere():
    assert bench.PARTS["simulation"] == main.PARTS
    assert set(main.PARTS) == set(blocks.BLOCKS)


def test_a_part_that_does_not_exist(run_cli, tmp_path):
    outcome = run_cli("bench", "simulation", "--out", tmp_path, "--parts", "disk")
    assert outcome.status == 2 and "--parts was given 'disk'" in outcome.stderr
