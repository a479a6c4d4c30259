"""The curation page in headless Chromium: both forms, from a label to the curated sorting and back, with no network."""

import json
import os
from pathlib import Path

import pytest

from curation_pages import finished_results, label_once_applied, open_page, results  # noqa: F401  (fixtures)
from results_folders import NAME, SECOND
from serving import serving
from simsort.stages.view import open_server

pytestmark = pytest.mark.slow
# SIMSORT_SCREENSHOTS names a folder that keeps the pictures.
SHOTS = os.environ.get("SIMSORT_SCREENSHOTS")


def shot(page, name, tmp_path):
    folder = Path(SHOTS) if SHOTS else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


def row(page, unit):
    return page.locator(f"#table tr[data-unit='{unit}']")


def chips(page, unit):
    return row(page, unit).locator(".chip").all_inner_texts()


def test_from_a_double_click_to_the_curated_sorting(results, run_cli, tmp_path):
    import spikeinterface.full as si

    file, requests = results / "visualization" / NAME / "curate.html", []
    with open_page(file.as_uri(), requests) as page:
        assert page.locator("#table tbody tr").count() == 6
        assert "good" in chips(page, 1)  # pre-filled from the rule
        row(page, 1).click()
        page.keyboard.press("3")
        assert "noise" in chips(page, 1) and "good" not in chips(page, 1)
        page.fill("#note", "drifts <b>away</b>")
        page.keyboard.press("Enter")
        row(page, 2).click()
        row(page, 3).click(modifiers=["Control"])
        page.click("#merge")
        assert any("2+3" in text for text in chips(page, 3))
        for tab in ("correlograms", "similar", "metrics", "merges", "unit"):
            page.click(f"[data-tab={tab}]")
            assert page.locator("#view").inner_text() or page.locator("#view canvas").count()
        shot(page, "curate", tmp_path)
        with page.expect_download() as download:
            page.click("#download")
        exported = tmp_path / download.value.suggested_filename
        download.value.save_as(exported)
    assert [url for url in requests if not url.startswith(("file:", "blob:", "data:"))] == []
    assert exported.name == f"{NAME}_curation.json"

    outcome = run_cli("apply-curation", results, exported, "--by", "ana")
    assert outcome.status == 0, outcome.stderr
    sorting = si.load(results / "curated" / NAME)
    assert sorting.unit_ids.tolist() == [0, 1, 2, 4, 10]
    assert sorting.get_property("quality")[1] == "noise"
    assert sorting.get_property("curation_note")[1] == "drifts <b>away</b>"

    with open_page(file.as_uri(), requests) as page:  # reopened
        assert "noise" in chips(page, 1) and any("2+3" in text for text in chips(page, 2))
        row(page, 1).click()
        assert page.input_value("#note") == "drifts <b>away</b>"
        page.click("[data-tab=merges]")
        assert "unit 2 (of 2, 3), as applied" in page.locator("#view").inner_text()


def test_saving_on_the_served_page(results, run_cli, tmp_path):
    requests = []
    with serving(open_server(results, 0)) as server:
        with open_page(server.page(NAME), requests) as page:
            row(page, 4).click()
            page.keyboard.press("0")
            assert not {"good", "MUA", "noise", "artifact"} & set(chips(page, 4))
            page.keyboard.press("Control+z")
            page.keyboard.press("Shift+Digit2")
            assert chips(page, 4)[:3] == ["good", "MUA", "pass"]
            page.keyboard.press("Control+z")
            assert "MUA" not in chips(page, 4)
            page.keyboard.press("2")
            page.click("#save")
            page.locator("#message", has_text="saved; now").wait_for()
            assert "not saved" not in page.inner_text("#summary")
            shot(page, "served", tmp_path)
        with open_page(server.page(NAME), requests) as page:
            assert "MUA" in chips(page, 4)
        assert all(url.startswith(server.address) for url in requests)
    assert label_once_applied(results, 4, run_cli) == ["MUA"]


def draw_around(page, left, right):
    """Draw a line round the spikes between two shares of the recording's time."""
    box = page.locator(".lasso").bounding_box()
    x = [box["x"] + 44 + share * (box["width"] - 54) for share in (left, right)]
    y = [box["y"] + 4, box["y"] + box["height"] - 4]
    page.mouse.move(x[0], y[0])
    page.mouse.down()
    for corner in ((x[1], y[0]), (x[1], y[1]), (x[0], y[1])):
        page.mouse.move(*corner, steps=5)
    page.mouse.up()


def test_splitting_a_unit_by_a_line(results, run_cli, tmp_path):
    import spikeinterface.full as si

    before = si.load(results / "curated" / NAME).get_unit_spike_train(4)
    file = results / "visualization" / NAME / "curate.html"
    with open_page(file.as_uri(), []) as page:
        row(page, 4).click()
        page.keyboard.press("x")
        draw_around(page, 0.45, 0.46)  # a line so narrow may have no spike inside: said, and nothing is split
        draw_around(page, -0.05, 0.5)
        assert "✂ split" in chips(page, 4) and "inside the line" in page.inner_text("#view")
        page.locator(".part").first.get_by_role("button", name="noise").click()
        shot(page, "split", tmp_path)
        page.click("#merge", force=True)  # one unit selected: nothing to merge
        row(page, 3).click(modifiers=["Control"])
        page.click("#merge")
        page.locator("#message.error", has_text="cannot be merged").wait_for()
        with page.expect_download() as download:
            page.click("#download")
        download.value.save_as(tmp_path / "split.json")
    outcome = run_cli("apply-curation", results, tmp_path / "split.json")
    assert outcome.status == 0, outcome.stderr
    after = si.load(results / "curated" / NAME)
    assert after.unit_ids.tolist() == [0, 1, 2, 3, 10, 11, 12]
    early = before < 5 * after.sampling_frequency
    assert abs(len(after.get_unit_spike_train(11)) - early.sum()) <= 2  # the line is drawn to a pixel
    assert len(after.get_unit_spike_train(11)) + len(after.get_unit_spike_train(12)) == len(before)
    assert after.get_unit_property(11, "quality") == "noise"
    with open_page(file.as_uri(), []) as page:  # reopened: the line is there, and can be taken back
        assert "✂ split" in chips(page, 4)
        page.click("[data-tab=merges]")
        assert "unit 11 (of 4), as applied" in page.inner_text("#view")
        row(page, 4).click()
        page.click("[data-tab=split]")
        page.get_by_role("button", name="Take the split back").click()
        assert "✂ split" not in chips(page, 4)


def test_labels_that_suggest_themselves(results, tmp_path):
    with open_page((results / "visualization" / NAME / "curate.html").as_uri(), []) as page:
        said = dict(zip(["0", "1", "2", "3", "4", "10"], page.evaluate("modelOf().labels")))
        row(page, 0).click()
        page.keyboard.press("Control+a")
        page.keyboard.press("g")
        for unit, label in said.items():
            assert {"SUA": "good", "MUA": "MUA", "noise": "noise"}[label] in chips(page, unit)
        why = page.inner_text(".whys")
        assert "model of simulated neurons" in why and "%" in why and "rule" in why
        page.fill("#filter", f"model:{said['1']}")
        assert page.locator("#table tbody tr").count() == list(said.values()).count(said["1"])


def test_other_peoples_text_is_text(results, run_cli, tmp_path):
    export = {"labelsByUnit": {"0": ["<script>alert(2)</script>"], "<img src=x onerror=alert(1)>": ["'\"><b>x"]}}
    (tmp_path / "nasty.json").write_text(json.dumps(export))
    assert run_cli("apply-curation", results, tmp_path / "nasty.json", "--recording", SECOND).status == 0
    with open_page((results / "visualization" / SECOND / "curate.html").as_uri(), []) as page:
        assert "<script>alert(2)</script>" in chips(page, 0)
        assert page.locator("#table img, #table b, #labels b").count() == 0
        page.set_input_files("#file", {"name": "x<i>.json", "mimeType": "application/json", "buffer": b"{"})
        page.locator("#message.error").wait_for()
        foreign = json.dumps({"format_version": "2", "unit_ids": [], "simsort": {"sorting": "other"}}).encode()
        page.set_input_files("#file", {"name": "other.json", "mimeType": "application/json", "buffer": foreign})
        page.locator("#message.error", has_text="another recording").wait_for()
        assert "<script>alert(2)</script>" in chips(page, 0)  # nothing was taken over


@pytest.mark.parametrize("width, height", [(1366, 768), (400, 800)])
def test_it_fits_the_screen(results, tmp_path, width, height):
    with open_page((results / "visualization" / NAME / "curate.html").as_uri(), [], width, height) as page:
        across = page.evaluate("document.documentElement.scrollWidth")
        assert across <= width
        if width > 1000:
            assert page.evaluate("document.documentElement.scrollHeight") <= height
        shot(page, f"page_{width}", tmp_path)
