"""simsort bench scaling: limited data, points kept and gone on with, tables and picture."""

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
TINY = ("--n-steps", "2", "--n-events", "64", "--n-evaluation", "1", "--n-jobs", "1", "--device", "cpu")


def test_limited_data_comes_again(cells):
    from simsort.benchmarks.scaling.limited import LimitedSource, n_distinct
    from simsort.models.input_form import InputForm
    from simsort.pretraining.recordings import EventSource
    from simsort.pretraining.stream import Lane, StreamConfig

    source = EventSource(cells[0], InputForm(), n_events=64)
    [limited, endless] = [Lane(0, some, StreamConfig()) for some in (LimitedSource(source, 1), source)]
    first, next_round = limited.set(0), limited.set(16)
    assert torch.equal(first.snippets, next_round.snippets), "one recording: the sixteenth set is the first again"
    assert not torch.equal(first.snippets, limited.set(17).snippets)
    assert not torch.equal(endless.set(16).snippets[:9, :3], first.snippets[:9, :3])
    assert n_distinct(StreamConfig(), 8 * 32, 1) == (1, 16), "eight lanes give the same sets"
    assert n_distinct(StreamConfig(), 8 * 32, 0) == (16, 256)
    few = n_distinct(StreamConfig(), 8 * 32, 4)
    assert few[0] <= 4 and few[1] == 16 * few[0]


def test_points_are_trained_once_and_shown(run_cli, cells_folder, tmp_path):
    docs = tmp_path / "docs" / "training.md"
    docs.parent.mkdir()
    docs.write_text("# Training\n\n<!-- bench scaling-data -->\n<!-- end scaling-data -->\n")
    out = tmp_path / "bench"
    arguments = ("bench", "scaling", "--out", out, "--cells", cells_folder, *TINY, "--recordings", "1,0",
                 "--sizes", "tiny")
    done = run_cli(*arguments, "--update-docs", docs)
    assert done.status == 0, done.stderr
    assert done.stdout.count("simsort bench: scaling,") == 3, "the default size without end belongs to both tables"
    points = {file.parent.name: json.loads(file.read_text()) for file in (out / "scaling").glob("*/result.json")}
    assert set(points) == {"medium_1", "medium_endless", "tiny_endless"}
    assert points["medium_1"]["distinct_recordings"] == 1 and points["medium_endless"]["distinct_recordings"] == 4
    assert points["tiny_endless"]["n_parameters"]["encoder"] < points["medium_endless"]["n_parameters"]["encoder"] / 3
    scores = [point["scores"][name] for point in points.values() for name in ("detection_f1", "threshold_f1")]
    assert all(0 <= score <= 1 for score in scores)
    text = docs.read_text()
    assert text.count("| medium: ") == 1 and "| 1 (" in text and ", none twice |" in text
    assert "](img/scaling.png)" in text
    assert (docs.parent / "img" / "scaling.png").stat().st_size > 5000
    times = {file: file.stat().st_mtime_ns for file in (out / "scaling").glob("*/result.json")}
    again = run_cli("bench", "scaling", "--out", out, "--parts", "tables")
    assert again.status == 0 and "simsort bench: scaling," not in again.stdout, again.stderr
    more = run_cli(*arguments)
    assert more.status == 0 and "simsort bench: scaling," not in more.stdout
    assert times == {file: file.stat().st_mtime_ns for file in times}


@pytest.mark.parametrize("arguments, words", [
    (("--cells", "{cells}", "--sizes", "huge"), "--sizes was given 'huge'"),
    ((), "needs cells to train on"),
    (("--parts", "tables"), "holds no results"),
    (("--cells", "{cells}", "--n-steps", "0"), "must be positive"),
    (("--parts", "speed"), "allowed: any of data,size,tables"),
])
def test_mistakes_are_one_line(run_cli, cells_folder, tmp_path, arguments, words):
    arguments = [word.format(cells=cells_folder) for word in arguments]
    done = run_cli("bench", "scaling", "--out", tmp_path / "bench", *arguments)
    assert done.status == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
