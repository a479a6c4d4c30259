"""`simsort bench sorters`: what is kept, what is compared, and what stands in the tables."""

import json
from pathlib import Path

import numpy as np
import pytest

from simsort.benchmarks import measured
from simsort.benchmarks.memory import MemoryUse
from simsort.benchmarks.sorters import blocks, figures, main, pictures, runs
from simsort.benchmarks.sorters.cases import families
from simsort.benchmarks.sorters.cases.peers import mearec_case
from simsort.benchmarks.tables import update_docs
from simsort.errors import UserError
from simsort.evaluation.protocol import summarise

MACHINE = {"n_cores": 2, "memory_gb": 25, "cpu": "a processor", "python": "3.11", "git_commit": None,
           "date": "2026-11-20", "packages": {"spikeinterface": "0.105.3"}}


def scores(accuracy, n_false=0):
    units = [{"unit_id": i, "snr": snr, "n_spikes": 100, "accuracy": accuracy, "recall": accuracy, "precision": 1.0,
              "best_agreement": accuracy} for i, snr in enumerate((2.0, 5.0, 9.0))]
    return {"units": units, **summarise(units, np.r_[np.ones(3), np.zeros(n_false)])}


def run_of(sorter, motion, accuracy=None, n_false=0):
    run = {"sorter": sorter, "motion": motion, "version": f"{sorter} 1", "state": "failed", "reason": "it broke",
           "wall_s": 3.0, "peak_bytes": 1e9}
    if accuracy is None:
        return run
    return run | {"state": "done", "reason": "", "sort_s": 2.0, "other_cores": 0.1, "scores": scores(accuracy, n_false)}


def case_of(seed, *sorter_runs, family="mearec-tetrode", kind="drift", oracle=0.9):
    facts = {"name": f"{family}_{kind}_seed{seed}", "duration_s": 60.0, "n_units": 3, "n_units_snr_3": 2,
             "oracle": scores(oracle)}
    return {"family": family, "kind": kind, "seed": seed, "facts": facts, "reason": "", "runs": list(sorter_runs),
            "machine": MACHINE}


CASES = [case_of(0, run_of("lupin", False, 0.4), run_of("lupin", True, 0.6, n_false=3), run_of("kilosort4", False)),
         case_of(1, run_of("lupin", False, 0.8), run_of("lupin", True), run_of("kilosort4", False))]


def test_the_better_of_two_runs_counts():
    assert figures.better_run(CASES[0]["runs"][:2])["motion"] is True
    assert figures.better_run(CASES[1]["runs"][:2])["motion"] is False
    assert figures.better_run([])is None


def test_rows_are_means_over_seeds_and_failures_stay():
    lupin, kilosort = figures.rows_of(CASES)
    assert lupin["sorter"] == "lupin" and lupin["accuracy"] == pytest.approx(0.7) and lupin["motion"] == 1
    assert lupin["speed"] == 30.0 and figures.false_ratio(lupin) == pytest.approx(0.5)
    assert kilosort["accuracy"] is None and kilosort["reasons"] == ["it broke"]


def test_a_run_that_failed_counts_as_nothing_found():
    [row] = figures.rows_of([case_of(0, run_of("lupin", False, 0.8)), case_of(1, run_of("lupin", False))])
    assert row["accuracy"] == pytest.approx(0.4) and (row["n_cases"], row["n_tried"]) == (1, 2)


@pytest.mark.parametrize(("ours", "reached"), [(0.84, False), (0.86, True)])
def test_the_mark_is_half_the_error_or_near_the_oracle(ours, reached):
    # The peer errs by 0.3: half is 0.85, as is 0.05 below the oracle.
    cases = [case_of(0, run_of("lupin", False, 0.7, n_false=1), run_of("simsort", False, ours), oracle=0.9)]
    mark = figures.mark(figures.rows_of(cases), figures.oracle_row(cases))
    assert mark["wanted"] == pytest.approx(0.85) and mark["reached"] is reached and mark["false_reached"] is True
    assert figures.mark(figures.rows_of(CASES), figures.oracle_row(CASES)) is None


def test_peers_compare_on_the_same_recordings():
    cases = [case_of(0, run_of("lupin", False, 0.4), run_of("tridesclous2", False, 0.5)),
             case_of(1, run_of("lupin", False, 0.6)),
             case_of(2, run_of("lupin", False, 0.2), run_of("kilosort4", False), run_of("simsort-none", False, 0.9))]
    assert [row["sorter"] for row in figures.peers_of(figures.rows_of(cases))] == ["lupin"]


def test_blocks_say_what_is_there_and_what_is_not(tmp_path):
    broken = {"family": "emouse-hybrid", "kind": "static", "seed": 0, "facts": None, "reason": "no data", "runs": [],
              "machine": MACHINE}
    result = {"command": "simsort bench sorters", "machine": MACHINE, "cases": [*CASES, broken], "real": None}
    made = blocks.blocks_of(result)
    assert "| lupin | 0.70 |" in made["sorters-families"] and "Still to be run: seeds 2" in made["sorters-families"]
    assert "| kilosort4 | failed |" in made["sorters-families"] and "*oracle*" in made["sorters-families"]
    assert "kilosort4, mearec-tetrode, drift, seed 0: it broke" in made["sorters-failures"]
    assert "emouse-hybrid, static, seed 0: no data" in made["sorters-failures"]
    assert "- lupin: run in 2 of 48 recordings; none of mearec-32, mearec-384, " in made["sorters-failures"]
    assert "- mountainsort5: run in 0 of 48 recordings; none of mearec-tetrode, " in made["sorters-failures"]
    assert "not run" in made["sorters-marks"] and "0.85" in made["sorters-marks"]
    docs = tmp_path / "benchmarks.md"
    docs.write_text("# B\n")
    update_docs(docs, made)
    assert "sorters-real" not in docs.read_text()


def test_speed_and_memory_stand_beside_lupin_s():
    ours = run_of("simsort", False, 0.8) | {"sort_s": 1.0}
    [row] = [blocks.cost_row("mearec-384", "static", [case_of(0, ours, run_of("lupin", False, 0.7))])]
    assert row == ["mearec-384, static", "60.0", "30.0", "reached", "1.00", "1.00"]
    assert blocks.cost_row("mearec-384", "static", CASES)[1:] == ["–", "30.0", "–", "–", "1.00"]


@pytest.mark.parametrize(("ours_s", "ours_busy", "peer_busy", "cells"), [
    (1.0, 0.9, 0.1, ["≥ 60.0", "30.0", "reached"]),
    (1.0, 0.1, 0.9, ["60.0", "≥ 30.0", "not known"]),
    (3.0, 0.9, 0.1, ["≥ 20.0", "30.0", "not known"]),
    (3.0, 0.1, 0.9, ["20.0", "≥ 30.0", "**not reached**"]),
])
def test_a_speed_under_other_load_is_a_lower_bound(ours_s, ours_busy, peer_busy, cells):
    ours = run_of("simsort", False, 0.8) | {"sort_s": ours_s, "other_cores": ours_busy}
    peer = run_of("lupin", False, 0.7) | {"other_cores": peer_busy}
    assert blocks.cost_row("mearec-384", "static", [case_of(0, ours, peer)])[1:4] == cells


def test_speed_is_that_of_the_quiet_runs():
    busy = run_of("simsort", False, 0.8) | {"sort_s": 6.0, "other_cores": 1.0}
    [row] = figures.rows_of([case_of(0, busy), case_of(1, run_of("simsort", False, 0.8) | {"other_cores": 0.1})])
    assert row["speed"] == 30.0 and row["is_quiet"]


def test_pictures_are_linked_where_they_lie_beside_the_tables():
    result = {"command": "x", "machine": MACHINE, "cases": CASES, "real": None}
    assert "](img/sorters/accuracy.png)" in blocks.blocks_of(result, with_pictures=True)["sorters-marks"]
    assert "img/sorters" not in "".join(blocks.blocks_of(result).values())


def test_blocks_without_anything_run():
    made = blocks.blocks_of({"command": "x", "machine": MACHINE, "cases": [], "real": None})
    assert made["sorters-families"] == "Nothing has been run yet."


def test_the_table_of_recordings_without_truth():
    run = {"sorter": "lupin", "state": "done", "n_units": 4,
           "refractory": {"share": 0.012, "n_clean": 3, "n_counted": 4},
           "stability": {"n_counted": 4, "n_stable": 2, "share": 0.5}}
    real = {"reason": "", "runs": [run, run_of("kilosort4", False)],
            "agreement": {"lupin": {"n_units": 4, "n_agreed": 2, "n_by_half": 1}}}
    text = blocks.real_block(real)
    assert "| lupin | 4 | 2 | 1 | 1.20 % | 3 of 4 | 2 of 4 |" in text and "failed: it broke" in text
    assert blocks.real_block({"reason": "SIMSORT_DATA is unset", "runs": []}) == "Not run: SIMSORT_DATA is unset."


def test_pictures_are_drawn(tmp_path):
    files = pictures.draw_all([*CASES, case_of(0, run_of("simsort", False, 0.8), kind="static")], tmp_path)
    assert [file.name for file in files] == ["accuracy_snr.png", "accuracy.png"]
    assert all(1000 < file.stat().st_size < 300_000 for file in files)
    assert pictures.draw_all([], tmp_path) == []


def test_results_are_kept_by_sorter_version_and_case(tmp_path, monkeypatch):
    from spikeinterface import NumpySorting

    calls = []

    def execute(run, work):
        calls.append(run)
        NumpySorting.from_unit_dict([{0: np.arange(100, 1000, 90)}], 30000.0).save(folder=work / "sorting")
        return {"state": "done", "reason": "", "sort_s": 1.0, "wall_s": 2.0, "peak_bytes": 5}

    monkeypatch.setattr(runs, "execute", execute)
    run = runs.Run(sorter="lupin", motion=False, recording=tmp_path)
    first = runs.kept_run(run, "abc", tmp_path / "runs", lambda sorting: {"n": sorting.get_num_units()})
    again = runs.kept_run(run, "abc", tmp_path / "runs", lambda sorting: pytest.fail("scored twice"))
    assert first == again and first["scores"] == {"n": 1} and len(calls) == 1
    assert runs.key_of(run, "abc") != runs.key_of(run, "abd")
    monkeypatch.setattr(runs, "sorter_version", lambda name, model=None: "another")
    runs.kept_run(run, "abc", tmp_path / "runs", lambda sorting: {})
    assert len(calls) == 2


def test_a_version_depends_on_the_code_and_the_weights_that_are_asked(tmp_path, monkeypatch):
    from simsort.benchmarks.sorters import fingerprint

    names = ("simsort", "simsort-ceed", "simsort-none", "simsort-paper")
    for part in {part for parts in fingerprint.PARTS.values() for part in parts}:
        file = tmp_path / part if part.endswith(".py") else tmp_path / part / "a.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\"\"\"Said.\"\"\"\na = 1\n")
    model = tmp_path / "own"
    model.mkdir()
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path)

    def changed(file, text="a = 2\n"):
        before = [runs.sorter_version(name, model if name == "simsort-paper" else None) for name in names]
        (tmp_path / file).write_text(text)
        return [runs.sorter_version(name, model if name == "simsort-paper" else None) != one
                for name, one in zip(names, before)]

    assert changed("sorting/own/a.py", "\"\"\"Said otherwise.\"\"\"\na = 1  # one\n") == [False] * 4
    assert changed("sorting/own/a.py") == [True, True, True, False]
    assert changed("models/paper.py") == [False, False, False, True] == changed("own/model.json", "{}")
    assert changed("weights/default/model.json") == [True, False, False, False]
    assert changed("weights/ceed/model.json") == [False, True, False, False] == changed("ceed/windows.py")
    assert changed("weights/default/MODEL_CARD.md") == [False] * 4 == changed("own/MODEL_CARD.md")


def test_the_parts_of_a_version_are_there_and_all_that_the_sorter_loads():
    import subprocess
    import sys

    from simsort.benchmarks.sorters import fingerprint

    parts = {part for parts in fingerprint.PARTS.values() for part in parts}
    assert all(fingerprint.files_of(fingerprint.PACKAGE / part) for part in parts)
    program = ("import sys\nfrom simsort.sorting.own.api import load_networks\nload_networks('shipped', 'cpu')\n"
               "print(*[name for name in sys.modules if name.startswith('simsort.models.')])")
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    # the other methods' networks, and what only finds folders and describes them
    others = {"ceed", "ceed_folder", "ceed_form", "scam", "paper", "detector", "model_card", "shipped"}
    files = {Path(file).stem for file in (*fingerprint.SORTER, *fingerprint.NETWORKS)}
    assert {name.rsplit(".", 1)[1] for name in loaded} - others <= files


def test_a_process_that_fails_gives_its_last_words(tmp_path):
    run = runs.Run(sorter="lupin", motion=False, recording=tmp_path / "missing", n_jobs=1)
    result = runs.execute(run, tmp_path / "work")
    assert result["state"] == "failed" and "Error" in result["reason"]
    assert str(tmp_path) not in result["reason"] and "\n" not in result["reason"]


def test_reasons_name_no_folder_and_no_log(tmp_path):
    use, found, log = MemoryUse(wall_s=5.0, status=-9), tmp_path / "result.json", tmp_path / "log"
    log.write_text("working\nKilled\n")
    assert runs.reason_of(use, found, log) == "exit status -9: working Killed"
    found.write_text(json.dumps({"error": "SorterError: no spikes (full log: /a/b/c.json) in /home/x/y"}))
    assert runs.reason_of(use, found, log) == "SorterError: no spikes in …"
    use.wall_s = runs.TIMEOUT_S + 1
    assert runs.reason_of(use, found, log) == "not finished after 3600 s"


def test_what_is_stored_fills_over_several_calls(tmp_path):
    file = tmp_path / "scores" / "case.json"
    main.store(file, case_of(0, run_of("lupin", False, 0.4), run_of("kilosort4", False, 0.5)))
    main.store(file, case_of(0, run_of("lupin", False, 0.6)))
    kept = json.loads(file.read_text())["runs"]
    assert [(run["sorter"], run["scores"]["accuracy"]) for run in kept] == [("lupin", 0.6), ("kilosort4", 0.5)]


def test_what_was_kept_with_fewer_digits_is_of_the_same_recording(tmp_path):
    file = tmp_path / "scores" / "case.json"
    first, second = (case_of(0, run_of(name, False, 0.4)) for name in ("lupin", "kilosort4"))
    for case in (first, second):
        case["facts"]["duration_s"] = 57.53973333
    main.store(file, measured.shortened(first))
    main.store(file, second)
    assert [run["sorter"] for run in json.loads(file.read_text())["runs"]] == ["kilosort4", "lupin"]


def test_a_case_that_cannot_be_made_again_keeps_its_runs(tmp_path):
    file = tmp_path / "scores" / "case.json"
    main.store(file, case_of(0, run_of("lupin", False, 0.4)))
    main.store(file, {"family": "emouse-noise", "facts": None, "reason": "no data", "runs": []})
    assert [run["sorter"] for run in json.loads(file.read_text())["runs"]] == ["lupin"]
    other = case_of(0, run_of("kilosort4", False, 0.5))
    other["facts"]["duration_s"] = 61.0  # another recording: its runs do not mix with the earlier one's
    main.store(file, other)
    assert [run["sorter"] for run in json.loads(file.read_text())["runs"]] == ["kilosort4"]


def test_tuning_seeds_stand_in_no_table(tmp_path):
    settings = main.Settings(out=tmp_path)
    for seed in (0, 100):
        main.store(tmp_path / "scores" / f"{seed}.json", case_of(seed, run_of("lupin", False, 0.4)))
    assert [case["seed"] for case in main.collect(settings)["cases"]] == [0]
    assert not set(families.BENCHMARK_SEEDS) & set(families.TUNING_SEEDS)


def test_unknown_names_are_refused(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="unknown family"):
        families.prepare_case("mearec", False, 0, tmp_path, tmp_path)
    with pytest.raises(UserError, match="--families was given 'mearec'"):
        main.families_of(main.Settings(out=tmp_path, families=("mearec",)))
    with pytest.raises(UserError, match="--sorters was given 'klusta'"):
        main.sorters_of(main.Settings(out=tmp_path, sorters=("klusta",)))
    monkeypatch.delenv("SIMSORT_DATA", raising=False)
    entry = main.measure_case(main.Settings(out=tmp_path), "emouse-noise", "static", 0)
    assert entry["facts"] is None and "SIMSORT_DATA" in entry["reason"] and entry["runs"] == []


@pytest.mark.parametrize("args", [("--families", "mearec"), ("--sorters", "klusta", "--families", "locust"),
                                  ("--seeds", ","), ("--parts", "overhead")])
def test_bad_options_end_with_one_line(run_cli, tmp_path, args):
    outcome = run_cli("bench", "sorters", "--out", tmp_path, *args)
    assert outcome.status == 2 and outcome.stderr.count("\n") == 1


def test_tables_of_what_is_kept(run_cli, tmp_path):
    main.store(tmp_path / "scores" / "case.json", CASES[0])
    docs = tmp_path / "benchmarks.md"
    docs.write_text("# B\n")
    outcome = run_cli("bench", "sorters", "--out", tmp_path, "--parts", "tables", "--update-docs", docs)
    assert outcome.status == 0, outcome.stderr
    assert "| lupin | 0.60 |" in docs.read_text() and (tmp_path / "img/sorters/accuracy.png").is_file()


def test_tables_fill_over_several_output_folders(run_cli, tmp_path):
    docs = tmp_path / "docs" / "benchmarks.md"
    docs.parent.mkdir()
    docs.write_text("# B\n")
    for number, seed in enumerate((0, 1)):
        out = tmp_path / f"machine{number}"
        case = case_of(seed, run_of("lupin", False, 0.61234567))
        main.store(out / "scores" / f"{case['facts']['name']}.json", case)
        assert run_cli("bench", "sorters", "--out", out, "--parts", "tables", "--update-docs", docs).status == 0
    assert "seeds 0, 1;" in docs.read_text()
    kept = sorted((docs.parent / "measured" / "sorters" / "scores").iterdir())
    assert len(kept) == 2 and "0.6123," in kept[0].read_text() and "0.61234" not in kept[0].read_text()
    main.store(out / "scores" / kept[0].name, case_of(0, run_of("lupin", False, 0.7)))  # measured anew: that counts
    measured.restore(docs, "sorters", out)
    assert json.loads((out / "scores" / kept[0].name).read_text())["runs"][0]["scores"]["accuracy"] == 0.7


@pytest.mark.parametrize("halves", [True, False])
@pytest.mark.parametrize("longer", [0.99, 1.0, 1.01])  # cells move by nearly the same distance
def test_mearecs_drift_leads_through_all_displacements_once(halves, longer):
    settings = {"drift_um": [0.0, 12.0, 16.0], "drift_steps": 11, "halves": halves, "duration_s": 60.0}
    n_steps = 21 if halves else 11
    step_um = longer * 20.0 / n_steps
    path_um = np.clip(mearec_case.ramp(settings)["external_drift_vector_um"], -longer * 10, longer * 10) * 0.99999
    steps = np.floor(path_um / step_um).astype(int) + n_steps // 2  # as in MEArec's drift_tools
    assert steps.min() == 0 and steps.max() == n_steps - 1 and (np.diff(steps) >= 0).all()
    assert np.bincount(steps).min() > 0.8 * len(steps) / n_steps
