"""A small web server for the pages of one results folder. Standard library only.

It listens on the loopback address alone, below a secret path, serves files of the results folder and takes one thing:
a recording's curation, checked and written in one step.
"""

import hashlib
import http.server
import mimetypes
import re
import secrets
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from simsort.applying.versions import SAVED, Versions
from simsort.curation.choices import parse_json, read_choices
from simsort.errors import UserError
from simsort.viewing.files import CURATION, FOLDER, SINGLE_FILE, page_facts, recordings_with_pages
from simsort.viewing.present import present_curation
from simsort.whole_files import write_whole

LOOPBACK = "127.0.0.1"
LARGEST_UPLOAD_BYTES = 50_000_000
PAGE = re.compile(rf"visualization/([^/]+)/{FOLDER}/{re.escape(CURATION)}")
HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")


class PageServer(http.server.ThreadingHTTPServer):
    """The server of one results folder.

    Parameters
    ----------
    results : Path
        The results folder.
    port : int
        Port on the loopback address; 0 takes a free one.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, results: Path, port: int):
        self.results = Path(results).resolve()
        self.recordings = recordings_with_pages(results)
        self.secret = secrets.token_urlsafe(16)
        super().__init__((LOOPBACK, port), Handler)

    @property
    def address(self) -> str:
        """The page to open."""
        return f"http://localhost:{self.server_address[1]}/{self.secret}/"

    def page(self, recording: str) -> str:
        """The curation page of a recording."""
        return f"{self.address}visualization/{quote(recording, safe='')}/{FOLDER}/"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET, HEAD and the one PUT."""

    server_version, sys_version = "simsort", ""
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self):
        name = self.wanted()
        if name is None:
            return
        page = PAGE.fullmatch(name)
        if page and page[1] in self.server.recordings:
            return self.answer(HTTPStatus.OK, present_curation(self.server.results, page[1]), "application/json")
        path = self.file_of(name)
        if path is None:
            return self.refuse(HTTPStatus.NOT_FOUND, "there is no such file")
        if path.name == SINGLE_FILE and path.parent.name in self.server.recordings:
            return self.redirect(f"{name.rpartition('/')[0]}/{FOLDER}")  # the form that saves
        if path.is_dir():
            return self.redirect(name)
        kind = mimetypes.guess_type(path.name)[0] if path.suffix != ".gz" else "application/octet-stream"
        self.answer(HTTPStatus.OK, path.read_bytes(), kind or "application/octet-stream")

    do_HEAD = do_GET

    def do_PUT(self):
        self.close_connection = True  # what is refused is not read to its end
        name = self.wanted()
        if name is None:
            return
        page = PAGE.fullmatch(name)
        if not page or page[1] not in self.server.recordings:
            return self.refuse(HTTPStatus.FORBIDDEN, "only a recording's curation is saved")
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST_UPLOAD_BYTES:
            return self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "this is larger than a curation can be")
        content = self.rfile.read(int(length))
        if len(content) != int(length):
            return self.refuse(HTTPStatus.BAD_REQUEST, "the upload was cut off")
        if self.headers.get("If-Match") not in (None, etag(present_curation(self.server.results, page[1]))):
            return self.refuse(HTTPStatus.CONFLICT,
                               "it was saved or applied elsewhere since this page was opened: export "
                               "yours, open the page again")
        try:
            save_curation(self.server.results, page[1], content)
        except UserError as error:
            return self.refuse(HTTPStatus.UNPROCESSABLE_ENTITY, f"the curation {error}")
        except OSError as error:
            return self.refuse(HTTPStatus.INSUFFICIENT_STORAGE,
                               f"the results folder cannot be written ({error.strerror})")
        said = "saved; now: simsort apply-curation RESULTS"
        self.answer(HTTPStatus.OK, said.encode(), "text/plain", etag(content))

    def wanted(self) -> str | None:
        """Return the path below the secret, or refuse: a wrong secret or a name of another host gets no file."""
        path = unquote(urlsplit(self.path).path, errors="replace")
        secret, _, name = path.lstrip("/").partition("/")
        if not HOST.fullmatch(self.headers.get("Host", "")):
            self.refuse(HTTPStatus.FORBIDDEN, "this server answers to localhost only")
        elif self.headers.get("Origin") and not HOST.fullmatch(urlsplit(self.headers["Origin"]).netloc):
            self.refuse(HTTPStatus.FORBIDDEN, "another site's page may not use this server")
        elif not secrets.compare_digest(secret.encode(), self.server.secret.encode()):
            self.refuse(HTTPStatus.NOT_FOUND, "open the address that simsort view printed")
        else:
            return name
        return None

    def file_of(self, name: str) -> Path | None:
        """Return a file of the results folder; none outside it, and no hidden one."""
        parts = [part for part in name.split("/") if part]
        if "\0" in name or any(part.startswith(".") for part in parts):
            return None
        path = self.server.results.joinpath(*parts)
        try:
            inside = path.resolve(strict=True).is_relative_to(self.server.results)
        except OSError:
            return None
        return path if inside and (path.is_file() or (path / "index.html").is_file()) else None

    def redirect(self, folder: str) -> None:
        """Send the browser to the page of a folder."""
        self.send_response(HTTPStatus.FOUND)
        self.send_header("Location", f"/{self.server.secret}/{quote(folder.strip('/'))}/index.html".replace("//", "/"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def refuse(self, status: HTTPStatus, why: str) -> None:
        self.answer(status, why.encode(), "text/plain")

    def answer(self, status: HTTPStatus, content: bytes, kind: str, tag: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", tag or etag(content))
        for name, value in (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"),
                            ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY")):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing: the address holds the secret."""


def etag(content: bytes) -> str:
    """Return the name of a content for HTTP."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def save_curation(results: Path, recording: str, content: bytes) -> None:
    """Check a curation against its recording and keep it beside the versions.

    Raises
    ------
    UserError
        If it does not fit; nothing is written then.
    """
    parsed = parse_json(content)
    facts = page_facts(results, recording)
    choices = read_choices(parsed, facts["unit_ids"])
    about = choices.about
    if (about.get("recording"), about.get("sorting")) != (recording, facts["sorting"]):
        raise UserError("is of another recording or sorting", "open this recording's own page")
    folder = Versions(results, recording).folder
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / SAVED, content)
