"""Stacks in eight orientations in a folder and in an Orthanc, and a check of a client on each.

A phantom is written as a scanner might have acquired it: rows, columns and slices each reversed or
not, all of it oblique; mirrored and rotated, head first and feet first.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "shared"))

import pydicom
import requests
from orientations import ORIENTATIONS, as_file, stack
from orthanc_process import orthanc_binary, orthanc_command
from playwright.sync_api import sync_playwright
from rich.console import Console
from viewer_pages import FLAGS

from killed_tab import SAMPLE, serving

READER = "Ana Reader"
LOGIN = ("reader", "hush hush")
START_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the cases lie. sent: gives the DICOM objects of one kind of the reader on a case."""

    name: str
    url: str
    sent: Callable[[str, str], list[bytes]]


def stacks() -> dict[str, list[pydicom.Dataset]]:
    """The first phantom in each orientation, by what is reversed; a patient of its own each."""
    source = [pydicom.dcmread(file) for file in sorted((SAMPLE / "phantom-1").iterdir())]
    return {name: stack(source, name) for name in ORIENTATIONS}


@contextmanager
def folder_place(folder: Path) -> Iterator[Place]:
    """The cases in a folder: SEG and SR are downloads of the case page."""
    studies = folder / "studies"
    for number, series in enumerate(stacks().values(), start=1):
        (studies / f"{number}").mkdir(parents=True)
        for image in series:
            file = studies / f"{number}" / f"{int(image.InstanceNumber):02}.dcm"
            file.write_bytes(as_file(image))
    pages = {"SEG": "segmentation", "SR": "measurements"}
    with serving(folder, studies) as url:

        def sent(case: str, kind: str) -> list[bytes]:
            address = f"{url}/acsnet/cases/{case}/{pages[kind]}.dcm?tag=draft"
            answer = requests.get(address, timeout=120)
            answer.raise_for_status()
            return [answer.content]

        yield Place(name="folder", url=url, sent=sent)


@contextmanager
def orthanc_place(folder: Path) -> Iterator[Place]:
    """The cases in an Orthanc of their own: SEG and SR are objects of the study."""
    with orthanc(folder) as rest:

        def ask(path: str, **options: Any) -> requests.Response:
            method = "POST" if options else "GET"
            answer = requests.request(method, rest + path, auth=LOGIN, timeout=120, **options)
            answer.raise_for_status()
            return answer

        def sent(case: str, kind: str) -> list[bytes]:
            query = {"Modality": kind, "StudyInstanceUID": case.replace(".1.8.", ".1.7.")}
            find = {"Level": "Instance", "Query": query}
            contents = [
                ask(f"/instances/{instance}/file").content
                for instance in ask("/tools/find", json=find).json()
            ]
            return [content for content in contents if READER.encode() in content]

        for series in stacks().values():
            for image in series:
                ask("/instances", data=as_file(image))
        settings = {
            "ACSNET_PACS_USER": LOGIN[0],
            "ACSNET_PACS_PASSWORD": LOGIN[1],
            "ACSNET_PACS_LGE": ".*",
        }
        with serving(folder, f"{rest}/dicom-web", **settings) as url:
            yield Place(name="orthanc", url=url, sent=sent)


@contextmanager
def orthanc(folder: Path) -> Iterator[str]:
    """An empty Orthanc; gives the address of its own interface."""
    if orthanc_binary() is None:
        sys.exit("Orthanc is not installed (Debian: orthanc, orthanc-dicomweb)")
    with (
        socket.create_server(("127.0.0.1", 0)) as http,
        socket.create_server(("127.0.0.1", 0)) as dicom,
    ):
        ports = http.getsockname()[1], dicom.getsockname()[1]
    command = orthanc_command(folder, http=ports[0], dicom=ports[1], login=LOGIN)
    with (folder / "orthanc.txt").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603 # Orthanc
    rest = f"http://127.0.0.1:{ports[0]}"
    try:
        for _ in range(START_SECONDS * 5):
            with suppress(requests.RequestException):
                if requests.get(f"{rest}/system", auth=LOGIN, timeout=5).ok:
                    break
            time.sleep(0.2)
        yield rest
    finally:
        process.terminate()
        process.wait(30)


PLACES = {"folder": folder_place, "orthanc": orthanc_place}


def turned_main(
    description: str,
    check: Callable[[Any, Place, list[pydicom.Dataset]], str],
    *,
    viewport: dict[str, int],
    summary: str,
) -> None:
    """Check a client on every stack in every place: a line a case and a summary, then exit.

    Args:
        description: of the program.
        check: of one stack in one place, in one person's browser; gives what to print, and raises
            an AssertionError that says what differs.
        viewport: of the browser.
        summary: what the checked stacks did.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--place", action="append", choices=PLACES)
    parser.add_argument("--first", type=int, default=1, help="orientation to begin with, 1 to 8")
    options = parser.parse_args()
    console = Console(width=120, highlight=False)
    right = total = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name in options.place or PLACES:
            with tempfile.TemporaryDirectory() as folder, PLACES[name](Path(folder)) as place:
                context = browser.new_context(viewport=viewport)
                for orientation, series in list(stacks().items())[options.first - 1 :]:
                    began = time.monotonic()
                    try:
                        told = check(context, place, series)
                        right += 1
                    except AssertionError as error:
                        told = " ".join(str(error).split())[:300] or "differs"
                    for page in context.pages:
                        page.close()
                    total += 1
                    seconds = time.monotonic() - began
                    console.print(f"{name}, {orientation}: {told}, {seconds:.1f} s")
                context.close()
        browser.close()
    console.print(f"{right} of {total} {summary}")
    sys.exit(int(right < total))
