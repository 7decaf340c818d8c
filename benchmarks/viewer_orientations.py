"""Whether an edit in OHIF lands where it was drawn, in eight orientations of a stack.

    python benchmarks/viewer_orientations.py [--place folder] [--place orthanc] [--first 5]

A phantom is written as a scanner might have acquired it: rows, columns and slices each reversed or
not, all of it oblique; mirrored and rotated, head first and feet first. Chromium without a screen
opens each case in the mode `acsnet` of stock OHIF, which has to show the stored draft voxel by
voxel, draws a stroke and saves it. What was on the screen is compared voxel by voxel with the saved
label map and with the DICOM SEG (by the images that its frames refer to); the end of the stroke is
looked up in the patient's coordinates. Warnings, SR and PDF have to be there, too. Then one click
has to move the wall at the voxel where it is seen. Exit code 1 where anything differs. Needs
`make viewer`, Chromium, playwright and, for `orthanc`, Orthanc with its DICOMweb plug-in.
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
from io import BytesIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "shared"))

import numpy as np
import pydicom
import requests
from orientations import ORIENTATIONS, as_file, stack, world_mm
from orthanc_process import orthanc_binary, orthanc_command
from playwright.sync_api import sync_playwright
from pypdf import PdfReader
from rich.console import Console
from viewer_pages import (
    FLAGS,
    STOCK_IMAGES,
    check_voxels,
    infer,
    label_map,
    shown_slices,
    stroke,
)

from acsnet.labels import Label
from killed_tab import SAMPLE, opened, serving

READER = "Ana Reader"
LOGIN = ("reader", "hush hush")
RIGHT, DOWN = 60, 10
"""The stroke, in pixels of the screen from the middle of the viewport."""
VIEWPORT = "window.cornerstone.getRenderingEngines()[0].getViewports()[0]"
START_SECONDS = 60

console = Console(width=120, highlight=False)


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


def check(place: Place, context: Any, series: list[pydicom.Dataset]) -> None:
    """Draw on a case, save, and compare all that comes back.

    Raises:
        AssertionError: something differs; it says what.
    """
    url, case = place.url, str(series[0].SeriesInstanceUID)
    infer(url, case)
    draft = label_map(url, case)
    page = opened(context, url, case)
    check_voxels(shown_slices(page, STOCK_IMAGES), draft, series)
    box = page.locator("canvas").first.bounding_box()
    end = [box["width"] / 2 + RIGHT, box["height"] / 2 + DOWN]
    world = np.array(page.evaluate(f"at => Array.from({VIEWPORT}.canvasToWorld(at))", end))
    stroke(page, right=RIGHT, down=DOWN)
    edited = shown_slices(page, STOCK_IMAGES)
    page.get_by_role("button", name="Save", exact=True).click()
    status = page.locator('[data-cy="acsnet-status"]')
    status.filter(has_text=f"draft by {READER}").wait_for()
    saved = label_map(url, case, "draft")
    check_voxels(edited, saved, series)
    changed = set(saved[saved != draft])
    _expect(changed == {Label.CORE_SCAR}, f"labels {changed} changed, not core scar alone")
    _check_place(edited, series, world)
    _check_versions(place, case, edited)
    _check_click(page, series)
    page.close()


def _check_place(
    edited: dict[str, np.ndarray], series: list[pydicom.Dataset], world: np.ndarray
) -> None:
    """The voxel at the end of the stroke, found by the headers of the images, is core scar."""
    normal = np.cross(*np.reshape(series[0].ImageOrientationPatient, (2, 3)).astype(float))
    image = min(
        series, key=lambda one: abs(normal @ (np.array(one.ImagePositionPatient, float) - world))
    )
    row, column = _pixel_at(image, world)
    labels = np.reshape(edited[image.SOPInstanceUID], (image.Rows, image.Columns))
    _expect(labels[row, column] == Label.CORE_SCAR, "the end of the stroke is not core scar")


def _pixel_at(image: pydicom.Dataset, world: np.ndarray) -> tuple[int, int]:
    """Row and column of the pixel of an image at a place in the patient's coordinates."""
    origin = world_mm(image, 0, 0)
    axes = np.stack([world_mm(image, 1, 0) - origin, world_mm(image, 0, 1) - origin], axis=1)
    row, column = np.rint(np.linalg.lstsq(axes, world - origin, rcond=None)[0]).astype(int)
    return int(row), int(column)


def _check_versions(place: Place, case: str, edited: dict[str, np.ndarray]) -> None:
    """The version on record, and the SEG, SR and PDF of it."""
    address = f"{place.url}/acsnet/cases/{case}"
    newest = requests.get(f"{address}/versions.json", timeout=60).json()[0]
    named = (newest["user"], newest["state"])
    _expect(named == (READER, "draft"), f"the newest version is {named}")
    _expect(bool(newest["features"]["warnings"]), "the version has no warning")
    report = requests.get(f"{address}/report.pdf?tag=draft", timeout=120)
    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(report.content)).pages)
    _expect(READER in text, "the report does not name the reader")
    (seg,) = place.sent(case, "SEG")
    _check_seg(pydicom.dcmread(BytesIO(seg)), edited)
    (sr,) = place.sent(case, "SR")
    document = str(pydicom.dcmread(BytesIO(sr)))
    _expect(READER in document, "the SR does not name the reader")


def _check_seg(seg: pydicom.Dataset, edited: dict[str, np.ndarray]) -> None:
    """Each pixel of a SEG is that of the image which its frame refers to."""
    values = {
        int(segment.SegmentNumber): Label[segment.SegmentLabel.upper()].value
        for segment in seg.SegmentSequence
    }
    drawn = {uid: np.zeros((seg.Rows, seg.Columns), int) for uid in edited}
    for item, pixels in zip(
        seg.PerFrameFunctionalGroupsSequence, seg.pixel_array.astype(bool), strict=True
    ):
        (derived,) = item.DerivationImageSequence
        (source,) = derived.SourceImageSequence
        number = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        drawn[source.ReferencedSOPInstanceUID][pixels] = values[int(number)]
    for uid, labels in drawn.items():
        same = np.array_equal(labels.ravel(), edited[uid])
        _expect(same, f"the SEG differs on image {uid}")


def _check_click(page: Any, series: list[pydicom.Dataset]) -> None:
    """A click says that a voxel of the wall, as it is seen, lies outside: it is wall no longer."""
    uid = page.evaluate(f"{VIEWPORT}.getCurrentImageId()").split("/instances/")[1].split("/")[0]
    (image,) = [one for one in series if uid == one.SOPInstanceUID]
    before = np.reshape(shown_slices(page, STOCK_IMAGES)[uid], (image.Rows, image.Columns))
    row = int(np.argwhere(before == Label.LV_BLOOD_POOL)[:, 0].mean())
    column = int(np.flatnonzero(before[row] >= Label.LV_MYOCARDIUM)[0])
    x, y = page.evaluate(
        f"place => {VIEWPORT}.worldToCanvas(place)", world_mm(image, row, column).tolist()
    )
    box = page.locator("canvas").first.bounding_box()
    page.locator('[data-cy="acsnet-click"]').select_option("outside")
    with page.expect_response(lambda answer: answer.url.endswith("/click")) as moved:
        page.mouse.click(box["x"] + x, box["y"] + y)
    _expect(moved.value.ok, moved.value.text())
    page.get_by_role("button", name="Undo click").wait_for()
    after = np.reshape(shown_slices(page, STOCK_IMAGES)[uid], before.shape)
    _expect(after[row, column] == 0, f"the click left {after[row, column]} where it was")


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise AssertionError(otherwise)


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


def main() -> None:
    """Print one line a case, and a summary."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--place", action="append", choices=PLACES)
    parser.add_argument("--first", type=int, default=1, help="orientation to begin with, 1 to 8")
    options = parser.parse_args()
    right = total = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name in options.place or PLACES:
            with tempfile.TemporaryDirectory() as folder, PLACES[name](Path(folder)) as place:
                context = browser.new_context(viewport={"width": 1110, "height": 540})
                for orientation, series in list(stacks().items())[options.first - 1 :]:
                    began, fault = time.monotonic(), ""
                    try:
                        check(place, context, series)
                    except AssertionError as error:
                        fault = str(error).strip().partition("\n")[0] or "differs"
                    seconds = time.monotonic() - began
                    right, total = right + (not fault), total + 1
                    console.print(f"{name}, {orientation}: {fault or 'same'}, {seconds:.1f} s")
                context.close()
        browser.close()
    console.print(f"{right} of {total} edits came back in place")
    sys.exit(int(right < total))


if __name__ == "__main__":
    main()
