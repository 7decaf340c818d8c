"""A DICOMweb archive in this process, over HTTP: what it answers can be made hostile."""

import io
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pydicom

from hanging_pacs import series_row

POLL_S = 0.01
"""How soon it stops once it is asked to."""


class Archive:
    """url: of its DICOMweb; datasets: what it holds; answers: path -> (status, headers, content),
    before all else; asked: (method, path) of each request; queries: of each GET, as they came;
    stored: bodies of POST; answer_to_post: instead of that it is stored.
    """

    def __init__(self):
        self.url, self.datasets, self.answers = "", [], {}
        self.asked, self.queries, self.stored = [], [], []
        self.answer_to_post = None

    def answer(self, path, query):
        if path in self.answers:
            return self.answers[path]
        found = [one for one in self.datasets if all(_fits(one, *key) for key in query.items())]
        parts = path.split("/")
        if len(parts) > 1:
            found = [one for one in found if parts[1] == one.StudyInstanceUID]
        if len(parts) > 3:
            found = [one for one in found if parts[3] == one.SeriesInstanceUID]
        if parts[-1] in ("instances", "metadata"):
            out = [one.to_json_dict(10) for one in found]
        else:
            key = "StudyInstanceUID" if parts[-1] == "studies" else "SeriesInstanceUID"
            out = list({one[key].value: _short(one) for one in found}.values())
        start = int(query.get("offset", ["0"])[0])
        content = json.dumps(out[start:]).encode()
        return 200, {"Content-Type": "application/dicom+json"}, content


def _fits(dataset, key, values):
    if key in ("includefield", "limit", "offset"):
        return True
    return key not in dataset or dataset.get(key) is None or str(dataset.get(key)) in values


def _short(dataset):
    return {**series_row(dataset), "00201209": {"vr": "IS", "Value": [1]}}


def sent_in(body):
    """The one object of a STOW-RS request."""
    content = body[body.index(b"\r\n\r\n") + 4 : body.rindex(b"\r\n--")]
    return pydicom.dcmread(io.BytesIO(content))


def stow_answer(dataset):
    """That it is stored."""
    item = {"00081155": {"vr": "UI", "Value": [dataset.SOPInstanceUID]}}
    return json.dumps({"00081199": {"vr": "SQ", "Value": [item]}}).encode()


@contextmanager
def pretend_archive():
    archive = Archive()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def _send(self, status, headers, content):
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self):
            parts = urlsplit(self.path)
            path = parts.path.removeprefix("/dicom-web/")
            archive.asked.append(("GET", path))
            archive.queries.append(parts.query)
            self._send(*archive.answer(path, parse_qs(parts.query)))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            archive.asked.append(("POST", self.path))
            archive.stored.append(body)
            done = 200, {"Content-Type": "application/dicom+json"}, stow_answer(sent_in(body))
            self._send(*(archive.answer_to_post or done))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    archive.url = f"http://127.0.0.1:{server.server_address[1]}/dicom-web"
    threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True).start()
    try:
        yield archive
    finally:
        server.shutdown()
        server.server_close()
