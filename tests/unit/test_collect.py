"""The files `simsort collect` writes: valid, honest, and safe against names that are not."""

import html.parser
import json
import platform
import urllib.parse

import numpy as np
import pytest

from browser import local_only, open_in_chromium
from simsort import __version__
from simsort.collecting.failures import STAGES
from simsort.collecting.page import duration_text, link, python_snippet
from simsort.collecting.processing import build_data_description, code_url, code_version
from simsort.config.parameters import resolve
from simsort.records import Record, image_checksum

PLAIN = "block0_imec0.ap_recording1"
NASTY = "Record Node 101#Probe \"A\" <b>'ü' 100% & ?x=1"
UNITS = [{"unit_id": "<img src=x onerror=alert(1)>", "default_qc": False, "label": "fail",
          "reasons": ["snr 1.2, not > 5 <script>alert(2)</script>"], "unknown": ["presence_ratio"], "num_spikes": 12,
          "firing_rate": 0.5, "snr": 1.2, "depth_um": None, "amplitude": -31.0},
         {"unit_id": 7, "default_qc": True, "label": "pass", "reasons": [], "unknown": [], "num_spikes": 1234,
          "firing_rate": 12.345, "snr": 8.0, "depth_um": 120.0, "amplitude": -80.0}]

QUALITY = {"verdict": "warn", "pictures": ["noise.png"], "page": "index.html", "metrics": [
    {"name": "noise_raw_uv", "title": "Noise, raw", "value": 120.0, "unit": "uV", "description": "how <it> is measured",
     "stage": "raw", "picture": "noise.png", "reason": "", "details": {}, "verdict": "warn", "limit": "warn above 100"},
    {"name": "drift_range_um", "title": "Drift", "value": None, "unit": "um", "description": "size", "stage": "processing",
     "picture": "", "reason": "motion was not estimated", "details": {}, "verdict": "unknown", "limit": "warn above 40"}]}


def write_records(folder, name):
    pictures = [{"file": "drift_map.png", "title": "Drift <map>", "kind": "drift"},
                {"file": "units_001.png", "title": "Units 7", "kind": "unit", "unit_ids": ["7"]}]
    outputs = {"dispatch": {"duration_s": 61.0, "n_channels": 4, "n_segments": 1},
               "preprocess": {"bad_channels": {"imec0.ap#AP3": "dead"}, "motion": {"max_abs_displacement_um": 3.2}},
               "sort": {"n_units": 2, "n_spikes": 1246},
               "curate": {"units": UNITS}, "visualize": {"pictures": pictures}, "qc": QUALITY}
    for stage in STAGES:
        Record(stage=stage, recording_name=name, session_name="a <session>", outputs=outputs.get(stage, {}), seed=3,
               parameters={"rule": "snr > 5"} if stage == "curate" else {}, warnings=["mind <this>"]
               ).write(folder / f"{abs(hash(name))}_{stage}")


@pytest.fixture
def collected(tmp_path, run_cli):
    """Results of a plain, a nastily named and a failed recording: the folder and what was printed."""
    for name in (PLAIN, NASTY):
        write_records(tmp_path / "records", name)
    Record(stage="dispatch", recording_name="late", session_name="a <session>").write(tmp_path / "records" / "late")
    failures = [{"stage": "preprocess", "recording_name": "late", "reason": "<script>alert(3)</script>", "exit": "1",
                 "workdir": "/w"}]
    (tmp_path / "failures.json").write_text(json.dumps(failures))
    (tmp_path / "resolved.json").write_text(json.dumps(resolve({"sorter": "lupin", "runmode": "fast",
                                                                "curation": {"rule": "snr > 5"}})))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "subject.json").write_text(json.dumps({"subject_id": "m1"}))
    outcome = run_cli("collect", "--records", tmp_path / "records", "--failures", tmp_path / "failures.json",
                      "--parameters", tmp_path / "resolved.json", "--data", tmp_path / "data",
                      "--out", tmp_path / "results")
    assert outcome.status == 0, outcome.stderr
    return tmp_path / "results", outcome


class Page(html.parser.HTMLParser):
    """Elements, links, sources and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.sources, self.text = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attributes = dict(attrs)
        assert not any(name.startswith("on") for name in attributes)
        self.links += [attributes["href"]] if tag == "a" else []
        self.sources += [attributes["src"]] if "src" in attributes else []

    def handle_data(self, data):
        self.text.append(data)


def test_other_peoples_text_is_shown_as_text(collected):
    page = Page((collected[0] / "index.html").read_text())
    text = " ".join(page.text)
    assert not {"script", "b", "session", "map", "iframe"} & set(page.tags)
    for name in (NASTY, UNITS[0]["unit_id"], "<script>alert(2)</script>", "<script>alert(3)</script>", "a <session>",
                 "mind <this>"):
        assert name in text
    assert "presence_ratio unknown" in text and "not run: preprocess failed" in text


def add_pictures(results):
    """Put the pictures that the page shows where they belong: each a single point."""
    from matplotlib.image import imsave

    for name in (PLAIN, NASTY):
        for folder, files in (("visualization", ("drift_map.png", "units_001.png")),
                              ("quality_control", ("noise.png", "index.html"))):
            (results / folder / name).mkdir(parents=True)
            for file in files:
                imsave(results / folder / name / file, [[0.0]], format="png")


def test_links_resolve_to_files_whatever_the_name(collected):
    results = collected[0]
    add_pictures(results)
    page = Page((results / "index.html").read_text())
    assert len(page.sources) == 6
    for address in page.links + page.sources:
        parts = urllib.parse.urlsplit(address)
        assert not (parts.scheme or parts.netloc or parts.query), address
        path = urllib.parse.unquote(parts.path)
        if path and not path.startswith("nextflow/"):  # Nextflow writes those when all is over
            assert (results / path).is_file(), address


def test_nothing_is_fetched_from_a_network(collected):
    text = (collected[0] / "index.html").read_text()
    assert "http://" not in text and "https://" not in text and "url(" not in text


def test_chromium_shows_the_page(collected):
    asked, width = [], "document.documentElement.scrollWidth"
    add_pictures(collected[0])
    with open_in_chromium((collected[0] / "index.html").as_uri(), asked, 400, 800) as page:
        assert page.locator("article h2").count() == 3
        assert page.evaluate(width) <= 400  # nothing sticks out on a phone
        assert page.evaluate("[...document.querySelectorAll('.pictures img')].some(image => image.naturalWidth)")
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 718, "height": 1000})  # A4 between margins
        assert page.evaluate(width) <= 718
        assert page.locator("details pre").first.is_visible()  # what is folded is printed
    assert local_only(asked)


def test_processing_is_valid_and_complete(collected):
    from aind_data_schema.core.processing import Processing

    processing = Processing.model_validate_json((collected[0] / "processing.json").read_text())
    names = set(processing.process_names)
    assert len(names) == 2 * len(STAGES) + 1 and f"Spike sorting - {NASTY}" in names
    assert processing.dependency_graph[f"Spike sorting - {PLAIN}"] == [f"Ephys preprocessing - {PLAIN}"]
    assert processing.dependency_graph[f"Job dispatch - {PLAIN}"] == []
    (curation,) = [p for p in processing.data_processes if p.name == f"Ephys curation - {PLAIN}"]
    assert curation.code.parameters.model_dump() == {"rule": "snr > 5", "seed": 3}
    assert curation.start_date_time <= curation.end_date_time
    assert str(curation.output_path) == f"curated/{PLAIN}" and curation.notes == "mind <this>"
    assert curation.code.core_dependency.version == "0.105.3"
    assert "late" in processing.notes


def test_processing_says_with_what_each_stage_ran(tmp_path, monkeypatch, run_cli):
    """Software, image, commit, parameters, seed, machine, times: all that a methods section asks for."""
    from aind_data_schema.core.processing import Processing

    checksum, commit = "5" * 64, "0123456789abcdef0123456789abcdef01234567"
    for name, value in (("APPTAINER_CONTAINER", "/images/gpu-1.sif"), ("SIMSORT_GIT_COMMIT", commit),
                        ("SIMSORT_IMAGES", f"spikeinterface-1.sif={'4' * 64},gpu-1.sif={checksum}"),
                        ("SLURM_JOB_ID", "77")):
        monkeypatch.setenv(name, value)
    write_records(tmp_path / "records", PLAIN)
    for name in ("APPTAINER_CONTAINER", "SIMSORT_IMAGES", "SLURM_JOB_ID"):
        monkeypatch.delenv(name)
    (tmp_path / "failures.json").write_text("[]")
    (tmp_path / "resolved.json").write_text(json.dumps(resolve({})))
    assert run_cli("collect", "--records", tmp_path / "records", "--failures", tmp_path / "failures.json",
                   "--parameters", tmp_path / "resolved.json", "--data", tmp_path, "--out", tmp_path / "out").status == 0
    processing = Processing.model_validate_json((tmp_path / "out/processing.json").read_text())
    assert [process.code.parameters.model_dump()["seed"] for process in processing.data_processes] == [3] * len(STAGES)
    for process in processing.data_processes:
        code, around = process.code, process.output_parameters.model_dump()["surroundings"]
        assert (code.container.tag, code.container.uri) == ("gpu-1", "/images/gpu-1.sif")
        assert around["container_sha256"] == checksum and around["slurm_job_id"] == "77"
        assert code.commit_hash == commit and code.version == __version__
        assert code.language_version == platform.python_version()
        assert around["software_versions"].items() >= {"spikeinterface": "0.105.3", "numpy": np.__version__}.items()
        assert around["host"] and around["n_cpus"] == process.resources.cpu_cores >= 1
        assert process.resources.os and process.resources.architecture == platform.machine()
        assert process.start_date_time.tzinfo and process.start_date_time <= process.end_date_time
    records = json.loads((tmp_path / "out/records.json").read_text())["records"]
    assert {record["container_sha256"] for record in records} == {checksum}


@pytest.mark.parametrize("images", ["", "other.sif=12", "gpu-1.sif="])
def test_an_image_without_a_known_checksum_has_none(images, monkeypatch):
    monkeypatch.setenv("SIMSORT_IMAGES", images)
    assert image_checksum("/images/gpu-1.sif") is None and image_checksum(None) is None


def test_every_recording_is_in_every_file(collected):
    results, outcome = collected
    status = json.loads((results / "status.json").read_text())
    output = json.loads((results / "visualization_output.json").read_text())
    assert set(status["recordings"]) == set(output) == {PLAIN, NASTY, "late"}
    assert output[PLAIN]["figurl"]["status"] == "skipped" and output[PLAIN]["figurl"]["reason"]
    assert output[PLAIN]["pictures"] == f"visualization/{PLAIN}/" and output["late"]["pictures"] is None
    assert status["verdicts"][NASTY]["n_passing"] == 1 and "2 units, 1 passing" in outcome.stdout


def test_quality_control_is_valid_and_decides(collected):
    from aind_data_schema.core.quality_control import QualityControl

    content = (collected[0] / "quality_control.json").read_text()
    quality = QualityControl.model_validate_json(content)
    assert sorted(m.name for m in quality.metrics) == sorted(
        f"{title} - {name}" for name in (PLAIN, NASTY) for title in ("Verdict", "Noise, raw"))
    [noise] = [m for m in quality.metrics if m.name == f"Noise, raw - {PLAIN}"]
    assert noise.value["value"] == 120.0 and noise.value["verdict"] == "warn" and noise.status.status == "Pending"
    assert noise.reference == f"quality_control/{PLAIN}/noise.png"
    assert f"Drift of {PLAIN} is unknown: motion was not estimated" in quality.notes


def test_data_description_invents_nothing(collected):
    description = json.loads((collected[0] / "data_description.json").read_text())
    assert description["validated"] is False and description["subject_id"] == "m1"
    assert "investigators" in description["note"] and "investigators" not in description
    assert (collected[0] / "subject.json").is_file()


def test_data_description_of_a_described_session():
    from aind_data_schema.core.data_description import DataDescription

    raw = {"creation_time": "2024-02-08T14:10:37+00:00", "subject_id": "713593", "data_level": "raw",
           "institution": {"name": "Allen Institute for Neural Dynamics", "abbreviation": "AIND"},
           "investigators": [{"name": "A Person"}], "project_name": "Example", "name": "713593_2024-02-08_14-10-37",
           "funding_source": [{"funder": {"name": "Allen Institute", "abbreviation": "AI"}}],
           "modalities": [{"name": "Extracellular electrophysiology", "abbreviation": "ecephys"}]}
    source = DataDescription.model_validate(raw).model_dump(mode="json")
    derived = DataDescription.model_validate(build_data_description("s", {"data_description": source}, None))
    assert derived.data_level == "derived" and derived.source_data == ["713593_2024-02-08_14-10-37"]
    assert derived.investigators[0].name == "A Person"


@pytest.mark.parametrize("commit, expected", [
    ("0123abc", {"version": "1.0", "commit_hash": "0123abc"}), (None, {"version": "1.0"}),
    ("0123abc-dirty", {"version": "1.0 with uncommitted changes", "commit_hash": "0123abc"})])
def test_code_version(commit, expected):
    assert code_version("1.0", commit) == expected


def test_code_url_hides_credentials(monkeypatch):
    monkeypatch.setenv("SIMSORT_CODE_URL", "https://me:secret@example.org/lab/simsort.git")
    assert code_url() == "https://example.org/lab/simsort.git"


@pytest.mark.parametrize("seconds, text", [(0.04, "0.0 s"), (59.9, "59.9 s"), (61, "1 min 1 s"), (120, "2 min"),
                                           (3700, "1 h 1 min")])
def test_duration_text(seconds, text):
    assert duration_text(seconds) == text


def test_link_encodes_all_but_the_slashes_between():
    assert link("visualization", "a b#c/d", "x.png") == "visualization/a%20b%23c%2Fd/x.png"


def test_python_snippet_is_python_whatever_the_name():
    stages = {stage: {"state": "done"} for stage in STAGES}
    name = "a'\"\\\n\"\"\"b"
    assert compile(python_snippet(name, stages), "snippet", "exec")
    assert f"name = {name!r}" in python_snippet(name, stages)
