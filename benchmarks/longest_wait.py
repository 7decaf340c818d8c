"""How long the largest scan that is taken keeps the networks between two pauses.

    python benchmarks/longest_wait.py [--slices 95]

At each pause (`acsnet.server.inference.pauses`) whoever else waits goes first, so the longest
stretch between two is how long a reader waits behind any scan. The scan holds a heart in each of
its slices of 512 x 512 pixels, so that every stage has work. Prints seconds of processor time,
which hardly depend on what else the machine does; exit code 1 where a stretch takes 10 s.
"""

import argparse
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
from rich.console import Console
from scipy.ndimage import zoom

from acsnet.io import read_scan
from acsnet.pipeline import Pipeline
from acsnet.server.inference.pauses import with_pauses
from shared.load import SAMPLES

SIDE, PIXEL_MM, SLICE_MM = 512, 0.7, 4.0
MOST_S = 10.0
NOISE = 12.0
"""Of 255, so that no slice is like another and none of them is smooth."""


def large_scan(slices: int) -> nib.Nifti1Image:
    """The middle slices of a phantom again and again, on the finest grid that is taken."""
    phantom = nib.load(SAMPLES / "phantom-1.nii.gz")
    pixels = np.asarray(phantom.dataobj, dtype=np.float32)
    grey = 255.0 * (pixels - pixels.min()) / np.ptp(pixels)
    depth = grey.shape[2]
    hearts = [
        zoom(grey[:, :, k], phantom.header.get_zooms()[0] / PIXEL_MM, order=1)
        for k in range(depth // 4, 3 * depth // 4)
    ]
    out = np.zeros((SIDE, SIDE, slices), np.uint8)
    rng = np.random.default_rng(0)
    for k in range(slices):
        heart = hearts[k % len(hearts)][:SIDE, :SIDE]
        row, column = ((SIDE - size) // 2 for size in heart.shape)
        noisy = heart + rng.normal(0.0, NOISE, heart.shape)
        place = slice(row, row + heart.shape[0]), slice(column, column + heart.shape[1]), k
        out[place] = noisy.clip(0, 255)
    image = nib.Nifti1Image(out, np.diag([PIXEL_MM, PIXEL_MM, SLICE_MM, 1.0]))
    image.header.set_xyzt_units("mm")
    return image


def stretches(slices: int) -> list[float]:
    """Seconds of processor time between pauses, from the reading of the scan to its result."""
    pipeline = Pipeline.load()
    pipeline.warm_up()
    marks: list[float] = []

    def pause() -> None:
        marks.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.nii.gz"
        nib.save(large_scan(slices), path)
        pause()
        with_pauses(pipeline, pause)(read_scan(path))
        pause()
    return np.diff(marks).tolist()


def main() -> None:
    """Print the longest stretch; exit code 1 where it is too long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=95, help="of 512 x 512; 95 at most")
    options = parser.parse_args()
    times = stretches(options.slices)
    Console(highlight=False, soft_wrap=True).print(
        f"{options.slices} slices of {SIDE} x {SIDE}: {sum(times):.1f} s of processor time, in "
        f"{len(times)} stretches between pauses, the longest {max(times):.1f} s"
    )
    raise SystemExit(max(times) >= MOST_S)


if __name__ == "__main__":
    main()
