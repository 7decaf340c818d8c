"""Standardise a scan for the networks, and resample their output to the scan's own grid.

Paper, "Imaging data and processing": window, turns by 90 degrees, contrast-limited adaptive
histogram equalisation, intensities in [0, 255], a square without aspect distortion. Not from the
paper: denoising, one pixel size (`STANDARD_MM`), a square that grows with the field of view, so
that no tissue is cut off before stage 1, and an equalisation tile in mm.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.exposure import equalize_adapthist

from acsnet.denoising import denoised, noise_sd
from acsnet.errors import InputError, LabelMapError
from acsnet.masks import mirrored_at_edges
from acsnet.scan import APEXWARD_RAS, ShortAxisScan
from acsnet.threads import slice_by_slice

STANDARD_MM = 1.25  # pixel of the standard grid: as the sharpest common LGE protocols
TILE_MM = 60.0  # side of an equalisation tile: about the diameter of a left ventricle
CLIP_LIMIT = 0.01
INTENSITY_PERCENTILES = (0.5, 99.5)
# Share of noise in the variance above which a scan is noise only; 0.11 to 0.15 in EMIDEC with added
# noise of 10 % of white. Smoothed noise would pass for a heart.
MAX_NOISE_SHARE = 0.6
PATIENT_LEFT_RAS = np.array([-1.0, 0.0, 0.0])
MIN_VALUES = 10  # different values of an image: fewer whole ones are labels. Ours
# Of the part that is seen: with so little without signal the networks learned, black as it is, and
# equalisation hardly feels it. At most 0.14 in EMIDEC, whose images were cut from turned ones.
MAX_BLACK_SHARE = 0.15
LABEL_ROUNDING = 0.01  # as conversions leave labels: 2.9999991, 3.00004
MAX_WHITE_SHARE = 0.1  # one that clips so many bright ones may hide scar, and is not applied either
MAX_SATURATED_SHARE = 0.5  # a window that clips more of the pixels is wrong and not applied


@dataclass(frozen=True, kw_only=True)
class SignalBox:
    """The part of a scan that holds signal: what lies outside is never looked at.

    shape: (slice, row, column) of the scan; slices: indices of those with signal; rows, columns:
    the span that bounds it.
    """

    shape: tuple[int, int, int]
    slices: NDArray[np.intp]
    rows: slice
    columns: slice

    def inside(self, stack: NDArray[Any]) -> NDArray[Any]:
        """(slice, row, column) of the scan -> the part in the box."""
        return stack[self.slices][:, self.rows, self.columns]

    def back(self, part: NDArray[np.float32]) -> NDArray[np.float32]:
        """The part in the box -> (slice, row, column) of the scan, zeros around it."""
        out = np.zeros(self.shape, part.dtype)
        out[self.slices, self.rows, self.columns] = part
        return out

    def reversed(self) -> "SignalBox":
        """The box of the scan with its slices in the opposite order."""
        return replace(self, slices=self.shape[0] - 1 - self.slices[::-1])


def signal_box(scan: ShortAxisScan) -> SignalBox | None:
    """The box of a scan's signal; None where it reaches to all sides of every slice."""
    if scan.signal is None:
        return None
    rows, columns = (np.flatnonzero(scan.signal.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    box = SignalBox(
        shape=(scan.pixels.shape[0], scan.pixels.shape[1], scan.pixels.shape[2]),
        slices=np.flatnonzero(scan.signal.any(axis=(1, 2))),
        rows=slice(int(rows[0]), int(rows[-1]) + 1),
        columns=slice(int(columns[0]), int(columns[-1]) + 1),
    )
    whole = box.inside(scan.pixels).shape == scan.pixels.shape
    return None if whole else box


@dataclass(frozen=True, kw_only=True)
class StandardScan:
    """A scan on the standard grid, the input of the networks.

    plain: (slice, H, W) in [0, 1], linear; equalised: (slice, H, W) in [0, 255]; turns: quarter
    turns from the scan's plane; mirrored: whether rows were reversed after that; shape:
    (row, column) of the scan, or of its `box`; is_noise: whether the scan is noise only; box: the
    part of the scan that is seen here, None where it is all; signal: mask like plain, False where
    nothing was measured in that part, None where all of it was.
    """

    plain: NDArray[np.float32]
    equalised: NDArray[np.float32]
    turns: int
    shape: tuple[int, int]
    signal: NDArray[np.bool_] | None = None
    mirrored: bool = False
    is_noise: bool = False
    box: SignalBox | None = None
    warnings: tuple[str, ...] = ()

    def reversed(self) -> "StandardScan":
        """The same with its slices in the opposite order."""
        return replace(
            self,
            plain=self.plain[::-1],
            equalised=self.equalised[::-1],
            signal=None if self.signal is None else self.signal[::-1],
            box=None if self.box is None else self.box.reversed(),
        )

    def inside(self, stack: NDArray[Any]) -> NDArray[Any]:
        """(slice, row, column) of the scan -> the part that is seen here, on the scan's pixels."""
        return stack if self.box is None else self.box.inside(stack)


def quarter_turns(scan: ShortAxisScan) -> int:
    """Quarter turns (counter-clockwise) after which columns run to the patient's left."""
    _, row_step, column_step = scan.grid.steps_mm
    towards_left = [column_step, row_step, -column_step, -row_step] @ PATIENT_LEFT_RAS
    lengths = [np.linalg.norm(v) for v in (column_step, row_step)] * 2
    return int(np.argmax(np.round(towards_left / lengths, 6)))


def is_mirrored(scan: ShortAxisScan) -> bool:
    """Whether rows and columns are a mirror image of the view from the feet, the usual one.

    Decided by the side of the plane that faces the apex, whichever slice is the first.
    """
    _, row_step, column_step = scan.grid.steps_mm
    return bool(np.cross(row_step, column_step) @ APEXWARD_RAS < 0.0)


def turned(stack: NDArray[Any], turns: int, *, mirrored: bool) -> NDArray[Any]:
    """(slice, row, column) of a scan in the orientation of the networks."""
    out = np.rot90(stack, turns, axes=(1, 2))
    return out[:, ::-1] if mirrored else out


def windowed(scan: ShortAxisScan) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Pixels clipped to each slice's window, scaled to [0, 1], and warnings.

    Pixels are unchanged without a window, and with one that saturates most of the scan, or much of
    what is bright.
    """
    if scan.windows is None:
        return scan.pixels, ()
    centre, width = (scan.windows[:, i, None, None] for i in (0, 1))
    scaled = (scan.pixels - centre) / width + 0.5
    measured = np.s_[:] if scan.signal is None else scan.signal
    black = np.percentile(scan.pixels[measured], INTENSITY_PERCENTILES[0])
    white = scaled > 1.0
    clipped = (scaled <= 0.0) & (scan.pixels > black) | (scaled >= 1.0)
    shares = float(np.mean(clipped[measured])), float(np.mean(white[measured]))
    for share, limit, which in (
        (shares[0], MAX_SATURATED_SHARE, "the pixels"),
        (shares[1], MAX_WHITE_SHARE, "the pixels at its bright end"),
    ):
        if share > limit:
            message = (
                f"window centre and width in the file would clip {100 * share:.0f} % of {which}: "
                "not applied"
            )
            return scan.pixels, (message,)
    return np.clip(scaled, 0.0, 1.0).astype(np.float32), ()


def unit_range(
    pixels: NDArray[np.float32], *, signal: NDArray[np.bool_] | None = None, name: str = "scan"
) -> NDArray[np.float32]:
    """Scale to [0, 1] between two percentiles of the signal; what is none becomes 0.

    pixels: any shape; signal: mask like pixels, None where all is signal. Raises InputError if the
    signal has only one value.
    """
    measured = pixels if signal is None else pixels[signal]
    low, high = np.percentile(measured, INTENSITY_PERCENTILES)
    if not high > low:
        low, high = float(measured.min()), float(measured.max())
    if not high > low:
        msg = f"{name}: every pixel has the same value ({low:g}), there is no image"
        raise InputError(msg)
    unit = np.clip((pixels - low) / (high - low), 0.0, 1.0).astype(np.float32)
    return unit if signal is None else np.where(signal, unit, np.float32(0.0))


def resize(stack: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """(slice, h, w) -> (slice, *shape): bilinear with antialiasing, same field of view."""
    rows, columns = (
        triangle_weights(before, after)
        for before, after in zip(stack.shape[1:], shape, strict=True)
    )
    # Of a stack that was turned, whose rows run backwards, NumPy makes the product by itself, not
    # by BLAS: nine times as slow.
    return rows @ np.ascontiguousarray(stack, np.float32) @ columns.T


def triangle_weights(before: int, after: int) -> NDArray[np.float32]:
    """(after, before) weights of a linear interpolation from `before` to `after` samples.

    Both cover the same length. Fewer samples than before are means under a triangle as wide as two
    of them, so that nothing is aliased; the weights of each sample sum to 1.
    """
    step = before / after
    centres = (np.arange(after) + 0.5) * step - 0.5
    distance = np.abs(np.arange(before) - centres[:, None]) / max(step, 1.0)
    weights = np.maximum(1.0 - distance, 0.0)
    normed: NDArray[np.float32] = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return normed


def between_neighbours(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """(slice, H, W) -> (slice, 3, H, W): each slice with the ones below and above it.

    Not from the paper. At either end the slice itself replaces the missing neighbour.
    """
    below, above = (
        np.concatenate(ends) for ends in ((stack[:1], stack[:-1]), (stack[1:], stack[-1:]))
    )
    return np.stack([stack, below, above], axis=1)


def equalise(
    plain: NDArray[np.float32], signal: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """(slice, H, W) in [0, 1] on the standard grid -> locally equalised, in [0, 255].

    signal: mask like plain; what is none has no part in the histograms of its neighbourhood, and
    is 0. None where all is signal.
    """
    tile = round(TILE_MM / STANDARD_MM)
    equal = partial(equalize_adapthist, kernel_size=tile, clip_limit=CLIP_LIMIT)
    filled = plain if signal is None else mirrored_at_edges(plain, signal)
    equalised = (255.0 * slice_by_slice(equal, filled)).astype(np.float32)
    return equalised if signal is None else np.where(signal, equalised, np.float32(0.0))


def check_image(scan: ShortAxisScan) -> None:
    """Refuse a label map: what networks draw on it would be numbers of nothing.

    Raises LabelMapError for a scan of few different values that are all whole, or nearly so.
    """
    if len(np.unique(np.rint(scan.pixels[len(scan.pixels) // 2]))) >= MIN_VALUES:
        return
    whole = np.rint(scan.pixels)
    values = np.unique(whole)
    near = float(np.abs(scan.pixels - whole).max()) <= LABEL_ROUNDING
    if 1 < len(values) < MIN_VALUES and near:
        before = f"{scan.name} holds {len(values)} different values, as a label map does: "
        raise LabelMapError(before, "image")


def standardise(scan: ShortAxisScan) -> StandardScan:
    """A scan on the standard grid. Raises InputError if the scan has no contrast."""
    pixels, warnings = windowed(scan)
    turns = quarter_turns(scan)
    _, row_mm, column_mm = scan.spacing_mm
    mirrored = is_mirrored(scan)
    box = signal_box(scan)
    visible = pixels if box is None else box.inside(pixels)
    signal = _large_gaps(scan, box)
    signal = None if signal is None else turned(signal, turns, mirrored=mirrored)
    unit = unit_range(turned(visible, turns, mirrored=mirrored), signal=signal, name=scan.name)
    noise = noise_sd(unit)
    is_noise = noise**2 > MAX_NOISE_SHARE * float(unit.var())
    if is_noise:
        warnings = (*warnings, "the scan shows nothing but noise")
    clear = unit if is_noise else denoised(unit, noise)  # no heart is looked for in noise
    row_mm, column_mm = (row_mm, column_mm) if turns % 2 == 0 else (column_mm, row_mm)
    size = standard_shape(clear.shape[1:], (row_mm, column_mm))
    plain = np.clip(resize(clear, size), 0.0, 1.0)
    if signal is not None:
        signal = resize(signal.astype(np.float32), size) >= 0.5
    return StandardScan(
        plain=plain,
        equalised=equalise(plain, signal),
        signal=signal,
        turns=turns,
        mirrored=mirrored,
        shape=(visible.shape[1], visible.shape[2]),
        is_noise=is_noise,
        box=box,
        warnings=warnings,
    )


def _large_gaps(scan: ShortAxisScan, box: SignalBox | None) -> NDArray[np.bool_] | None:
    """The mask of the signal in the box, None where next to all of that is signal."""
    if scan.signal is None:
        return None
    signal = scan.signal if box is None else box.inside(scan.signal)
    return signal if float(np.mean(~signal)) > MAX_BLACK_SHARE else None


def standard_shape(shape: tuple[int, ...], spacing_mm: tuple[float, float]) -> tuple[int, int]:
    """Rows and columns of the standard grid that cover `shape` pixels of `spacing_mm`."""
    sides = (n * mm / STANDARD_MM for n, mm in zip(shape, spacing_mm, strict=True))
    # Half a pixel is the same half in an oblique stack, whose spacing is off by a rounding error.
    rows, columns = (max(1, round(round(side, 3))) for side in sides)
    return rows, columns


def to_scan(stack: NDArray[np.float32], standard: StandardScan) -> NDArray[np.float32]:
    """(slice, H, W) probabilities on the standard grid -> (slice, row, column) of the scan.

    Zero where the scan holds no signal.
    """
    rows, columns = standard.shape if standard.turns % 2 == 0 else standard.shape[::-1]
    drawn = stack.any(axis=(1, 2))  # slices of zeros remain such: nothing to resample
    stored = resize(stack[drawn], (rows, columns))
    stored = stored[:, ::-1] if standard.mirrored else stored
    out = np.zeros((len(stack), *standard.shape), np.float32)
    out[drawn] = np.rot90(stored, -standard.turns, axes=(1, 2))
    return out if standard.box is None else standard.box.back(out)


def pad_to_square(stack: NDArray[np.float32], *, side: int, multiple: int) -> NDArray[np.float32]:
    """(slice, h, w) -> (slice, n, n), image centred, n the least multiple >= side, h and w."""
    _, height, width = stack.shape
    n = -(-max(side, height, width) // multiple) * multiple
    top, left = (n - height) // 2, (n - width) // 2
    return np.pad(stack, ((0, 0), (top, n - height - top), (left, n - width - left)))


def crop_of_square(square: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """The inverse of `pad_to_square`: (slice, n, n) -> (slice, *shape) without the padding."""
    top, left = (square.shape[1] - shape[0]) // 2, (square.shape[2] - shape[1]) // 2
    return square[:, top : top + shape[0], left : left + shape[1]]
