"""Figurl links against a stand-in for kachery's upload service on this machine; failures are told and hide the key."""

import base64
import hashlib
import http.server
import json
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from curation_pages import finished_results, results  # noqa: F401  (fixtures)
from results_folders import NAME
from serving import serving
from simsort.figurl.publish import missing_condition, publish_views

pytestmark = pytest.mark.slow
KEY = "k3y-never-to-be-seen"
SETTINGS = {"figurl": "auto", "figurl_data_url": None}


class Kachery(http.server.BaseHTTPRequestHandler):
    """What kachery's service does for an upload, after its client: initiate, put, finalize."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.delay_s:
            time.sleep(self.server.delay_s)
        if self.headers.get("Authorization") != f"Bearer {self.server.key}" or asked["zoneName"] != "mylab":
            return self.answer(403, {"error": f"User {self.headers.get('Authorization')} not authorized to upload"})
        if asked["type"] == "initiateFileUploadRequest":
            address = f"http://127.0.0.1:{self.server.server_address[1]}/{asked['hash']}?signature=abc"
            return self.answer(200, {"signedUploadUrl": address, "objectKey": asked["hash"]})
        self.answer(200, {"success": asked["objectKey"] in self.server.stored})

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        assert hashlib.sha1(content).hexdigest() == urlsplit(self.path).path[1:]
        self.server.stored[urlsplit(self.path).path[1:]] = content
        self.answer(200, {})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def kachery(monkeypatch):
    """The stand-in, with this process's environment pointing to it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kachery)
    server.stored, server.key, server.delay_s = {}, KEY, 0
    for name, value in (("KACHERY_BASE_URL", f"http://127.0.0.1:{server.server_address[1]}"), ("KACHERY_API_KEY", KEY),
                        ("KACHERY_ZONE", "mylab"), ("GH_CURATION_REPO", "gh://lab/curations/main")):
        monkeypatch.setenv(name, value)
    with serving(server):
        yield server


def pictures_of(folder):
    return json.loads((folder / "record.json").read_text())["outputs"]["pictures"]


def follow(address, stored):
    """Open a Figurl address as its page would: the layout and every view it shows, by type, and the state."""
    query = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
    main = json.loads(stored[query["d"].split(":")[-1]])
    views = {}
    for view in main["views"]:
        views.setdefault(view["type"], []).append(json.loads(stored[view["dataUri"].split(":")[-1]]))
    return query, main, views


def test_views_and_initial_curation_are_uploaded(results, kachery):
    folder = results / "visualization" / NAME
    outcome = publish_views(folder, pictures_of(folder), SETTINGS)
    assert (outcome["status"], outcome["reason"]) == ("done", "")
    assert not any(char in outcome["sorting_summary"] for char in ' "{}<>') and KEY not in json.dumps(outcome)
    query, _, views = follow(outcome["sorting_summary"], kachery.stored)
    assert query["zone"] == "mylab" and query["label"].endswith("Sorting Summary")
    assert {"UnitsTable", "SortingCuration2", "AverageWaveforms", "Autocorrelograms", "SpikeAmplitudes",
            "UnitLocations"} <= set(views)
    metrics = views["UnitsTable"][1]
    assert [row["unitId"] for row in metrics["rows"]] == [0, 1, 2, 3, 4, 10]
    assert {"snr", "isi_violations_ratio"} <= {column["key"] for column in metrics["columns"]}
    state = json.loads(query["s"])
    assert state["sortingCuration"] == f"gh://lab/curations/main/mouse/{NAME}/curation.json"
    initial = json.loads(kachery.stored[state["initialSortingCuration"].removeprefix("sha1://").partition("?")[0]])
    assert initial["labelsByUnit"]["0"] == ["good"] and initial["mergeGroups"] == []

    _, main, views = follow(outcome["timeseries"], kachery.stored)
    labels = [item["label"] for item in main["layout"]["itemProperties"]]
    assert [label.split()[0] for label in labels[:2]] == ["Raw", "Processed"] and len(labels) == len(views["Image"])
    picture = base64.b64decode(views["Image"][0]["url"].partition(",")[2])
    assert picture == (folder / pictures_of(folder)[0]["file"]).read_bytes()


def test_data_on_a_web_server_of_ones_own(results, kachery, monkeypatch):
    for name in ("KACHERY_API_KEY", "KACHERY_ZONE", "KACHERY_BASE_URL"):
        monkeypatch.delenv(name)
    folder = results / "visualization" / NAME
    outcome = publish_views(folder, pictures_of(folder), SETTINGS | {"figurl_data_url": "https://data.example/x/"})
    assert outcome["status"] == "done", outcome
    data = parse_qs(urlsplit(outcome["sorting_summary"]).query)["d"][0]
    assert data.startswith("https://data.example/x/sha1/") and kachery.stored == {}
    stored = folder / "figurl" / data.removeprefix("https://data.example/x/")
    assert json.loads(stored.read_text())["type"] == "MainLayout"


@pytest.mark.parametrize("change, said",
                         [({"KACHERY_API_KEY": "wr0ng-key"}, "not authorized"), ({"KACHERY_ZONE": "other"}, "403"),
                                          ({"KACHERY_BASE_URL": "http://127.0.0.1:9"}, "Connection")])
def test_a_failed_upload_is_told_and_hides_the_key(results, kachery, monkeypatch, change, said):
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    outcome = publish_views(results / "visualization" / NAME, [], SETTINGS)
    assert outcome["status"] == "failed" and said in outcome["reason"] and outcome["sorting_summary"] is None
    assert KEY not in outcome["reason"] and "wr0ng-key" not in outcome["reason"] and "\n" not in outcome["reason"]


def test_a_hanging_upload_is_given_up(results, kachery):
    kachery.delay_s = 60
    outcome = publish_views(results / "visualization" / NAME, [], SETTINGS, timeout_s=4.0)
    assert outcome["status"] == "failed" and "within 4 s" in outcome["reason"]


@pytest.mark.parametrize("settings, environment, said", [
    ({}, {}, "no credentials"), ({}, {"KACHERY_API_KEY": KEY}, "KACHERY_ZONE"),
    ({}, {"KACHERY_API_KEY": KEY, "KACHERY_ZONE": "default"}, "public ones are closed"),
    ({"figurl": "off"}, {"KACHERY_API_KEY": KEY, "KACHERY_ZONE": "mylab"}, "switched off"),
    ({}, {"KACHERY_API_KEY": KEY, "KACHERY_ZONE": "mylab"}, ""), ({"figurl_data_url": "https://x"}, {}, "")])
def test_kachery_is_only_called_when_it_cannot_ask(settings, environment, said):
    why = missing_condition(SETTINGS | settings, environment)
    assert said in why and bool(said) == bool(why)


def test_without_credentials_the_results_say_so(finished_results):
    output = json.loads((finished_results / "visualization_output.json").read_text())[NAME]
    assert output["figurl"]["status"] == "skipped" and "KACHERY_API_KEY" in output["figurl"]["reason"]
    assert output["timeseries"] is None and (finished_results / output["offline"]).is_file()
