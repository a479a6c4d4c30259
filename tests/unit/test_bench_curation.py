"""`simsort bench curation` measures what it says, and the page does not grow with the duration."""

import pytest

from simsort.benchmarks.curation import Settings, bench_curation, blocks_of


@pytest.mark.slow
def test_sizes_and_times(tmp_path):
    short, long = (bench_curation(Settings(out=tmp_path, units=(24,), duration_s=seconds, command="bench"))
                   for seconds in (400.0, 1200.0))
    [first], [second] = short["rows"], long["rows"]
    assert second["n_spikes"] > 2 * first["n_spikes"] and second["file_bytes"] < 1.3 * first["file_bytes"]
    assert 50_000 < first["folder_bytes"] < first["file_bytes"] < 2_000_000
    assert 0 < first["labels_s"] and 0 < first["merges_s"] and (first["view_s"] is None or 0 < first["view_s"] < 60)
    block = blocks_of(short)["curation"]
    assert "| 24 |" in block and ("reached" in block or "not measured" in block)
    assert not any(tmp_path.iterdir())  # tidies up
