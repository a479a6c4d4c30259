"""`simsort view`: only this machine, only below the secret, only a fitting curation is saved."""

import http.client
import json
import shutil
import socket

import pytest

from curation_pages import finished_results, results  # noqa: F401  (fixtures)
from results_folders import NAME, SECOND
from serving import serving
from simsort.stages.view import instructions, open_server

pytestmark = pytest.mark.slow
PAGE = f"visualization/{NAME}/curation/curation.json"


@pytest.fixture
def server(results):
    """The server of a results folder, running."""
    with serving(open_server(results, 0)) as server:
        yield server


def ask(server, path, method="GET", body=None, below_secret=True, **headers):
    """Send a request; return (status, text, headers)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    headers = {"Host": f"localhost:{server.server_address[1]}"} | headers
    connection.request(method, f"/{server.secret}/{path}" if below_secret else path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, text, dict(answer.headers)


def changed(server, label="noise"):
    """The page's curation with another label on the first unit, as the page sends it."""
    content = json.loads(ask(server, PAGE)[1])
    content["manual_labels"][0]["labels"]["quality"] = [label]
    return content


def test_it_serves_the_pages_to_this_machine(server):
    assert server.server_address[0] == "127.0.0.1"
    status, text, headers = ask(server, "index.html")
    assert status == 200 and "Curate in the browser" in text and headers["Referrer-Policy"] == "no-referrer"
    assert ask(server, f"visualization/{NAME}/curation/index.html")[0] == 200
    assert ask(server, "")[0] == 302
    _, _, headers = ask(server, f"visualization/{NAME}/curate.html")  # index.html links to it; the other form can save
    assert headers["Location"].endswith(f"/visualization/{NAME}/curation/index.html")
    said = "\n".join(instructions(server))
    port = server.server_address[1]
    assert f"http://localhost:{port}/{server.secret}/" in said and f"-L {port}:localhost:{port} " in said


@pytest.mark.parametrize("path, below_secret", [
    ("/", False), ("/index.html", False), ("/wrong/index.html", False), ("../data/job.json", True),
    ("%2e%2e/work/", True),
    ("curated/.versions", True), ("curated/%2eversions/x", True), ("postprocessed", True), ("nothing.html", True),
    ("a%00b", True)])
def test_nothing_else_is_served(server, path, below_secret):
    assert ask(server, path, below_secret=below_secret)[0] == 404


def test_links_out_of_the_folder_are_not_followed(server, results, tmp_path):
    (tmp_path / "private.txt").write_text("secret")
    (results / "visualization" / "out.txt").symlink_to(tmp_path / "private.txt")
    assert ask(server, "visualization/out.txt")[0] == 404


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_other_sites_pages_are_refused(server, headers):
    assert ask(server, PAGE, "PUT", "{}", **headers)[0] == 403
    assert ask(server, "index.html", **headers)[0] == 403


def test_a_curation_is_saved_and_applied(server, results, run_cli):
    _, first, headers = ask(server, PAGE)
    content = json.dumps(changed(server))
    status, said, saved = ask(server, PAGE, "PUT", content, **{"If-Match": headers["ETag"]})
    assert status == 200 and "apply-curation" in said
    assert ask(server, PAGE)[1] == content and ask(server, PAGE)[2]["ETag"] == saved["ETag"]
    # a second window, opened before, must not overwrite it
    status, said, _ = ask(server, PAGE, "PUT", first, **{"If-Match": headers["ETag"]})
    assert status == 409 and "elsewhere" in said and ask(server, PAGE)[1] == content
    assert run_cli("apply-curation", results).status == 0
    now = json.loads(ask(server, PAGE)[1])
    assert now["simsort"]["version"] == 2 and now["manual_labels"][0]["labels"]["quality"] == ["noise"]
    assert run_cli("apply-curation", results).status == 2 or json.loads(
        (results / "curated" / NAME / "version.json").read_text())["version"] == 2


@pytest.mark.parametrize("body, status, said", [
    (b'{"format_version": "2", "uni', 422, "no valid JSON"), (b"[]", 422, "holds a list"),
    (b"\xff", 422, "no text file"),
    (json.dumps({"labelsByUnit": {"77": ["x"]}}), 422, "unit '77'"),
    (json.dumps({"labelsByUnit": {}}), 422, "another recording")])
def test_what_does_not_fit_is_not_saved(server, results, body, status, said):
    before = ask(server, PAGE)[1]
    got, text, _ = ask(server, PAGE, "PUT", body)
    assert got == status and said in text
    assert ask(server, PAGE)[1] == before and not (results / "curated" / ".versions").exists()


def test_only_the_curation_file_can_be_written(server, results):
    other = json.dumps(changed(server))
    for path in ("index.html", f"visualization/{NAME}/curation/data.json", f"curated/{NAME}/curation.json",
                 f"visualization/../{PAGE}"):
        assert ask(server, path, "PUT", other)[0] == 403
    assert ask(server, PAGE.replace(NAME, SECOND), "PUT", other)[0] == 422  # the other recording's page
    for method in ("POST", "DELETE", "OPTIONS"):
        assert ask(server, PAGE, method, other)[0] == 501
    status, said, _ = ask(server, PAGE, "PUT", None, **{"Content-Length": str(10**9)})
    assert status == 413


def test_a_folder_that_cannot_be_written_says_so(server, results, monkeypatch):
    import simsort.viewing.server as module

    def full(path, content):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(module, "write_whole", full)
    status, said, _ = ask(server, PAGE, "PUT", json.dumps(changed(server)))
    assert status == 507 and "Read-only file system" in said


def test_a_taken_port(results, run_cli):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = run_cli("view", results, "--port", port)
    assert outcome.status == 2 and f"port {port} cannot be used" in outcome.stderr
    assert run_cli("view", results, "--port", 99999).status == 2


def test_results_without_pages(run_cli, tmp_path):
    outcome = run_cli("view", tmp_path)
    assert outcome.status == 2 and "holds no curation page" in outcome.stderr
    shutil.rmtree(tmp_path)
    assert "does not exist" in run_cli("view", tmp_path).stderr
