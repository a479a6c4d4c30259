"""The curation page in headless Firefox, both forms: from a label to the curated sorting."""

import pytest

from browser import local_only
from curation_pages import finished_results, label_once_applied, results  # noqa: F401  (fixtures)
from firefox import CONTROL, open_in_firefox, wait_until
from results_folders import NAME
from serving import serving
from simsort.stages.view import open_server

pytestmark = pytest.mark.slow


def row(unit):
    return f"#table tr[data-unit='{unit}']"


def test_from_a_double_click_to_the_curated_sorting(results, run_cli, tmp_path):  # noqa: F811
    import spikeinterface.full as si

    file, exported = results / "visualization" / NAME / "curate.html", tmp_path / "downloads" / f"{NAME}_curation.json"
    with open_in_firefox(file.as_uri(), tmp_path, "body[data-ready=yes]") as page:
        assert "good" in page.text(f"{row(1)} .chip")
        page.click(row(1))
        page.press("3")
        assert "noise" in page.text(f"{row(1)} .chip") and "good" not in page.text(f"{row(1)} .chip")
        page.click(row(2))
        page.click(row(3), held=CONTROL)
        page.click("#merge")
        assert any("2+3" in text for text in page.text(f"{row(3)} .chip"))
        page.click("#download")
        wait_until(lambda: exported.is_file() and exported.stat().st_size, 30.0)
    assert local_only(page.requests)
    outcome = run_cli("apply-curation", results, exported, "--by", "ana")
    assert outcome.status == 0, outcome.stderr
    sorting = si.load(results / "curated" / NAME)
    assert sorting.unit_ids.tolist() == [0, 1, 2, 4, 10] and sorting.get_property("quality")[1] == "noise"
    with open_in_firefox(file.as_uri(), tmp_path / "again", "body[data-ready=yes]") as page:
        assert "noise" in page.text(f"{row(1)} .chip") and any("2+3" in text for text in page.text(f"{row(2)} .chip"))


def test_saving_on_the_served_page(results, run_cli, tmp_path):  # noqa: F811
    with serving(open_server(results, 0)) as server:
        with open_in_firefox(server.page(NAME), tmp_path, "body[data-ready=yes]") as page:
            page.click(row(4))
            page.press("2")
            page.click("#save")
            wait_until(lambda: "saved; now" in page.text("#message")[0], 30.0)
        assert page.requests and all(url.startswith((server.address, "data:")) for url in page.requests)
    assert label_once_applied(results, 4, run_cli) == ["MUA"]


def test_errors_and_requests_of_a_page_are_noted(tmp_path):
    """The control: what the test above relies on not to happen is seen when it does."""
    (tmp_path / "bad.html").write_text("<body><script>new Image().src = 'http://127.0.0.1:49151/x.png';"
                                       "console.error('this is wrong')</script>")
    with pytest.raises(AssertionError, match="this is wrong"), open_in_firefox(
            (tmp_path / "bad.html").as_uri(), tmp_path) as page:
        wait_until(lambda: page.run("true") and page.errors and page.requests, 30.0)
    assert not local_only(page.requests)
