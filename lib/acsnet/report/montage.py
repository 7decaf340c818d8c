"""Montage of all slices, apex first, each above the same slice with its labels outlined."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_erosion
from skimage.transform import resize

from acsnet.labels import ENHANCEMENT, LABELS
from acsnet.masks import crop_around
from acsnet.report.anatomy_figure import MARGIN_MM
from acsnet.report.display_orientation import grey_window, view_of
from acsnet.scan import ShortAxisScan

TILE = 230  # pixels a side: eight slices are as wide as a common screen
GAP, HEAD = 4, 22
TILES_PER_ROW = 8
SCAR_OPACITY = 0.35
OUTLINE = 2  # width in pixels, inside the label
TEXT_PIXELS = 15


def montage_png(scan: ShortAxisScan, labels: NDArray[np.uint8]) -> bytes:
    """PNG of a scan and its (slice, row, column) labels, slices numbered as in the file."""
    count = len(labels)
    columns = min(count, TILES_PER_ROW)
    rows = -(-count // columns)
    height = HEAD + 2 * (TILE + GAP)
    sheet = Image.new("RGB", (columns * (TILE + GAP) - GAP, rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(TEXT_PIXELS)
    crop = crop_around(labels > 0, scan.spacing_mm[1:], margin_mm=MARGIN_MM)
    view = view_of(scan)
    spacing_mm = view.spacing_of(scan.spacing_mm[1:])
    for k in range(count):
        left, top = (k % columns) * (TILE + GAP), (k // columns) * height
        plain, drawn = _tiles(view.of(scan.pixels[k][crop]), view.of(labels[k][crop]), spacing_mm)
        draw.text(
            (left + 2, top + 2), f"slice {scan.grid.slice_number(k)}", fill="black", font=font
        )
        for row, tile in enumerate((plain, drawn)):
            sheet.paste(Image.fromarray(tile), (left, top + HEAD + row * (TILE + GAP)))
    stream = BytesIO()
    sheet.save(stream, "PNG")
    return stream.getvalue()


def _tiles(
    pixels: NDArray[np.float32], labels: NDArray[np.uint8], spacing_mm: tuple[float, ...]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(TILE, TILE, 3) grey image, and the same with labels (nearest voxel); padded with black."""
    height_mm, width_mm = (n * step for n, step in zip(pixels.shape, spacing_mm, strict=True))
    scale = TILE / max(height_mm, width_mm)
    size = max(round(height_mm * scale), 1), max(round(width_mm * scale), 1)
    black, white = grey_window(pixels)
    grey = np.clip((pixels - black) / max(white - black, 1e-6), 0, 1)
    grey = resize(grey, size, order=1, anti_aliasing=False)
    wide = resize(labels, size, order=0, preserve_range=True, anti_aliasing=False)
    plain = np.zeros((TILE, TILE, 3))
    plain[: size[0], : size[1]] = 255 * grey[..., None]
    drawn = plain.copy()
    shown = drawn[: size[0], : size[1]]
    for info in LABELS:
        mask = wide == info.label
        if info.label in ENHANCEMENT:
            shown[mask] += SCAR_OPACITY * (np.array(info.colour) - shown[mask])
        inner = mask & ~binary_erosion(mask, iterations=OUTLINE)
        shown[inner] = info.colour
    return plain.astype(np.uint8), drawn.astype(np.uint8)
