"""What of an edit in OHIF is there again after the tab was killed in the middle of it.

    python benchmarks/killed_tab.py --moments 20

Chromium without a screen draws strokes on a phantom in the mode `acsnet` of stock OHIF, and its
tab is killed, as by the operating system, at a random moment. The case is opened anew, what is
restored is compared with what was on the screen each time, and the edit goes on from there. Exit
code 1 where anything is lost that was drawn more than 5 s before. Needs `make viewer`, Chromium and
playwright.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "shared"))

import pydicom
from playwright.sync_api import Error, sync_playwright
from rich.console import Console
from viewer_pages import FLAGS, PATIENCE_MS, infer, open_case, stroke

CORE_SCAR_PIXELS = """() => {
    const { cornerstone, cornerstoneTools } = window;
    const [shown] = cornerstoneTools.segmentation.state.getSegmentations();
    return Object.fromEntries(shown.representationData.Labelmap.imageIds.map(id => {
        const image = cornerstone.cache.getImage(id);
        const pixels = [];
        image.voxelManager.getScalarData().forEach((value, at) => value === 4 && pixels.push(at));
        return [image.referencedImageId, pixels];
    }));
}"""
PROMISED_S = 5.0
"""What was drawn longer ago than this must be there again."""

console = Console(width=120, highlight=False)

SAMPLE = Path(__file__).parents[1] / "sample-data" / "dicom"


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One killed tab.

    strokes: drawn by then; lost: voxels that were drawn more than `PROMISED_S` before and are not
    restored; lost_s: age of the newest voxel on the screen that is missing, 0 where none is.
    """

    strokes: int
    lost: int
    lost_s: float


def opened(context: Any, url: str, case: str) -> Any:
    """A new tab with a case.

    Args:
        context: of playwright: one person's browser.
        url: of the server.
        case: id of a case with a label map.
    """
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    open_case(page, url, case)
    return page


def kill_while_drawing(
    page: Any, url: str, case: str, *, seconds: float, seed: int
) -> tuple[Kill, Any]:
    """Draw on a case, kill the tab after some seconds, and open the case again.

    Args:
        page: the tab, with the case.
        url: of the server.
        case: id of the case.
        seconds: from the first stroke to the kill.
        seed: of the strokes.

    Returns:
        What became of the edit, and the new tab.
    """
    numbers = random.Random(seed)  # noqa: S311 # no secret
    start, screens = time.monotonic(), []
    while not screens or time.monotonic() - start < seconds:
        stroke(page, right=numbers.randint(-90, 90), down=numbers.randint(-90, 90))
        drawn_at = time.monotonic()
        screens.append((drawn_at, _core_scar(page)))
    killed, context = _kill(page), page.context
    page.close()
    again = opened(context, url, case)
    restored = _core_scar(again)
    missing = [(killed - at, len(drawn - restored)) for at, drawn in screens]
    kill = Kill(
        strokes=len(screens),
        lost=max((count for age, count in missing if age > PROMISED_S), default=0),
        lost_s=max((age for age, count in missing if count), default=0.0),
    )
    return kill, again


def _core_scar(page: Any) -> set[tuple[str, int]]:
    """The voxels of core scar on the screen: address of the image and number of the pixel."""
    shown = page.evaluate(CORE_SCAR_PIXELS)
    return {(image, pixel) for image, pixels in shown.items() for pixel in pixels}


def _kill(page: Any) -> float:
    """Kill the process of a tab, which is asked for nothing before; when."""
    with page.expect_event("crash"):
        killed = time.monotonic()
        with suppress(Error):
            page.goto("chrome://crash")
    return killed


@contextmanager
def serving(folder: Path, studies: Path | str = SAMPLE, **environment: str) -> Iterator[str]:
    """A server on studies, with its state in a folder; gives its address."""
    log = folder / "output.txt"
    command = (sys.executable, "-c", "from acsnet.cli.main import main; main()", "serve")
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 # our own program
            [*command, "--studies", str(studies), "--port", "0"],
            env={**os.environ, "ACSNET_STATE": str(folder / "state"), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        while (address := re.search(r"Listening on (\S+)", log.read_text())) is None:
            if process.poll() is not None:
                sys.exit(log.read_text())
            time.sleep(0.2)
        yield address[1]
    finally:
        process.terminate()
        process.wait(60)


def main() -> None:
    """Print one line a kill, and a summary."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    image = pydicom.dcmread(min((SAMPLE / "phantom-1").iterdir()), stop_before_pixels=True)
    case = str(image.SeriesInstanceUID)
    numbers = random.Random(options.seed)  # noqa: S311 # no secret
    kills = []
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as url:
        infer(url, case)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=FLAGS
            )
            context = browser.new_context(viewport={"width": 1280, "height": 720})
            page = opened(context, url, case)
            for _ in range(options.moments):
                seconds, seed = numbers.uniform(0.0, 12.0), numbers.randrange(1000)
                kill, page = kill_while_drawing(page, url, case, seconds=seconds, seed=seed)
                kills.append(kill)
                console.print(
                    f"killed after {seconds:4.1f} s and {kill.strokes:2d} strokes: "
                    f"{kill.lost} voxels older than {PROMISED_S:.0f} s lost, "
                    f"oldest missing {kill.lost_s:.1f} s",
                )
            browser.close()
    console.print(
        f"{len(kills)} kills, {sum(kill.strokes for kill in kills)} strokes: "
        f"{sum(kill.lost for kill in kills)} voxels older than {PROMISED_S:.0f} s lost, "
        f"oldest missing {max(kill.lost_s for kill in kills):.1f} s"
    )
    sys.exit(int(any(kill.lost for kill in kills)))


if __name__ == "__main__":
    main()
