"""How long readers wait while the PACS behind a server hangs: `python benchmarks/hanging_pacs.py`.

A small archive in this process holds the two series of `sample-data/dicom`, one of which the server
has fetched. Then it takes every request and answers none, while readers ask for pages, for the
trainings and for the series that is there. Prints the longest wait for each. Exit code 1 where one
takes a second, or where the work list does not follow once the archive answers again.
"""

import argparse
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pydicom
import requests
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from rich.console import Console

from shared.load import SAMPLES, Server, folder

MOST_S = 1.0
PAUSE_S = 4.0
"""Between two requests of a reader, as people pause."""
LONGEST_HANG_S = 120.0
"""The archive answers again after this, whatever becomes of the readers."""
NOT_KEYS = ("includefield", "limit", "offset")
SERIES_TAGS = (
    "Modality",
    "PatientID",
    "SeriesDescription",
    "SeriesInstanceUID",
    "StudyInstanceUID",
)


class Archive:
    """DICOMweb of some files; `answers` is cleared while it hangs."""

    def __init__(self, files: list[Path]) -> None:
        self.url = ""
        self.answers = threading.Event()
        self.answers.set()
        self._files = {str(pydicom.dcmread(file).SOPInstanceUID): file for file in files}
        self._headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in files]

    @property
    def series(self) -> list[str]:
        """UIDs of its series."""
        return sorted({str(header.SeriesInstanceUID) for header in self._headers})

    def get(self, path: str, query: dict[str, list[str]]) -> tuple[str, bytes]:
        """Content type and content of an address below its root."""
        parts = path.strip("/").split("/")
        if len(parts) == 6 and parts[-1] in self._files:
            part = b"--part\r\nContent-Type: application/dicom\r\n\r\n%s\r\n--part--\r\n"
            kind = 'multipart/related; type="application/dicom"; boundary=part'
            return kind, part % self._files[parts[-1]].read_bytes()
        asked = dict(zip(("StudyInstanceUID", "SeriesInstanceUID"), parts[1::2], strict=False))
        keys = {key: values[0] for key, values in query.items() if key not in NOT_KEYS} | asked
        headers = [
            header
            for header in self._headers
            if all(key not in header or str(header.get(key)) == keys[key] for key in keys)
        ]
        if parts[-1] in ("metadata", "instances"):
            rows = [header.to_json_dict(10) for header in headers]
        else:
            rows = list({h.SeriesInstanceUID: series_row(h) for h in headers}.values())
        rows = rows[int(query.get("offset", ["0"])[0]) :]
        return "application/dicom+json", json.dumps(rows).encode()


def series_row(header: Dataset) -> dict[str, object]:
    """What a search for series says of one."""
    return {
        f"{tag_for_keyword(name):08X}": header[name].to_json_dict(None, 0)
        for name in SERIES_TAGS
        if name in header
    }


@contextmanager
def served(archive: Archive) -> Iterator[None]:
    """Serve an archive on this machine."""

    class Answer(BaseHTTPRequestHandler):
        def _send(self, kind: str, content: bytes) -> None:
            archive.answers.wait(LONGEST_HANG_S)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._send(*archive.get(parts.path.removeprefix("/dicom-web"), parse_qs(parts.query)))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._send("application/dicom+json", b"{}")

        def log_message(self, *_: object) -> None:
            pass

    service = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    archive.url = f"http://127.0.0.1:{service.server_port}/dicom-web"
    threading.Thread(target=service.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        archive.answers.set()
        service.shutdown()


def longest_waits(url: str, series: str, *, readers: int, seconds: float) -> dict[str, list[float]]:
    """Address -> seconds of each answer, while so many readers ask for one after the other."""
    paths = {
        "work list": "/acsnet/",
        "style sheet": "/acsnet/style.css",
        "trainings": "/train/",
        "case, fetched": f"/acsnet/cases/{series}",
        "scan, fetched": f"/datastore/image?image={series}",
    }
    waits: dict[str, list[float]] = {name: [] for name in paths}
    end = time.monotonic() + seconds

    def reader(number: int) -> None:
        names = list(paths)[number % len(paths) :] + list(paths)[: number % len(paths)]
        time.sleep(PAUSE_S * number / readers)
        while time.monotonic() < end:
            for name in names:
                begun = time.monotonic()
                answer = requests.get(f"{url}{paths[name]}", timeout=LONGEST_HANG_S)
                waits[name].append(time.monotonic() - begun)
                if not (answer.ok or (name == "trainings" and answer.status_code == 404)):
                    msg = f"{name}: {answer.status_code} {answer.text[:200]}"
                    raise RuntimeError(msg)
                time.sleep(PAUSE_S)

    with ThreadPoolExecutor(readers) as pool:
        list(pool.map(reader, range(readers)))
    return waits


def follows(url: str) -> bool:
    """Whether the work list is the newest again within a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if "This list is not up to date" not in requests.get(f"{url}/acsnet/", timeout=60).text:
            return True
        time.sleep(0.5)
    return False


def main() -> None:
    """Print the waits before the archive hangs and while it does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", type=int, default=45)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    archive = Archive(sorted((SAMPLES.parent / "dicom").glob("*/*.dcm")))
    fetched, _ = archive.series
    held = {"readers": options.readers, "seconds": options.seconds}
    with folder() as place, served(archive):
        server = Server(Path(place))
        server.studies = archive.url
        server.start(ACSNET_PACS_CACHE_SECONDS="1", ACSNET_PICK_AHEAD="0")
        try:
            infer = f"{server.url}/infer/acsnet?image={fetched}"
            requests.post(infer, timeout=300).raise_for_status()
            before = longest_waits(server.url, fetched, **held)
            archive.answers.clear()
            waits = longest_waits(server.url, fetched, **held)
            archive.answers.set()
            new = follows(server.url)
        finally:
            server.stop()
    for name, seconds in waits.items():
        console.print(
            f"{name:16} longest wait {max(seconds):6.2f} s of {len(seconds)} requests while the "
            f"archive hangs, {max(before[name]):6.2f} s before"
        )
    console.print("the work list follows again" if new else "THE WORK LIST STAYS OLD")
    raise SystemExit(not new or max(map(max, waits.values())) >= MOST_S)


if __name__ == "__main__":
    main()
