"""The one reader of label maps, in files of any format, and their place on the grid of an image.

A map that was cut to its labels is put back where it was, as long as it lies on the voxels of its
image. Not from the paper: the tolerances.
"""

from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import GeometryError, InputError
from acsnet.io.containers import open_volume
from acsnet.io.geometry import SAME_SIZE, are_on_voxels, corner_distances_mm, in_text
from acsnet.io.limits import check_size
from acsnet.io.volume import Segment, Volume, possible_affines
from acsnet.label_conventions import whole_numbers
from acsnet.labels import (
    LABEL_VALUES,
    find_label,
    is_no_label,
    is_only_numbered,
    overlap_warning,
)
from acsnet.scan import InputGrid, ShortAxisScan

MAX_LARGER = 4
"""Times the voxels of its image: what a map may hold, with empty ones round it. Ours."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelMap:
    """A label map as it lies in its file.

    name: what messages call it; labels: of any axis order, or (layer, ...) where layered; affine:
    (4, 4) to RAS mm; segments: of a segmentation, by which its values are named; named: whether its
    values are ours by the names of its segments; warnings: on how they were read; remarks: on the
    header, which a refusal of its place names.
    """

    name: str
    labels: NDArray[np.int64]
    affine: NDArray[np.float64]
    segments: tuple[Segment, ...] = ()
    layered: bool = False
    named: bool = False
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read_label_map(path: Path, *, name: str, grid: InputGrid | None = None) -> LabelMap:
    """Read the label map in `path`; `name` is what messages call it.

    grid: of its image: what is far larger is refused unread. Raises InputError for a file that can
    not be read or holds no labels, GeometryError for one of another shape.
    """
    volume = open_volume(path, name=name)
    shape = _plain_shape(volume)
    if grid is not None and prod(shape) > MAX_LARGER * prod(grid.shape):
        _refuse_shape(name, shape, grid)
    layers = volume.shape[0] if volume.layered else 1
    check_size(
        name, slices=max(shape[2] * layers, 2), rows=shape[0], columns=shape[1], item_bytes=8
    )
    if volume.dtype.kind not in "iuf":
        msg = f"{name} must hold whole numbers, got {volume.dtype}"
        raise InputError(msg)
    layered = volume.layered and bool(volume.segments)
    if layers > 1 and not layered:
        msg = f"{name} must hold one label map, got a list of {layers} and no names of segments"
        raise InputError(msg)
    stored = volume.load() if layered else volume.load().reshape(shape)
    return LabelMap(
        name=name,
        labels=whole_numbers(stored, name=name),
        affine=volume.affine,
        segments=volume.segments,
        layered=layered,
        warnings=_nan_warning(int(np.count_nonzero(np.isnan(stored)))),
        remarks=volume.warnings,
    )


def by_name(label_map: LabelMap, *, by_value: bool = False) -> LabelMap:
    """The map with our values where its segments have our names, and without layers.

    Where segments overlap the higher of our values wins, with a warning. Background and scribbles
    (`is_no_label`) are left out. A map whose segments are only numbered keeps its values and its
    segments, as one with other names does by_value: of a convention that somebody names, or of a
    mask. Raises InputError for other names with voxels (viewers number segments in the order in
    which they were drawn), also numbers that are not the values, and for voxels that are not of one
    segment.
    """
    if not label_map.segments:
        return label_map
    layers = (label_map.labels if label_map.layered else label_map.labels[None]).copy()
    drawn = _drawn_segments(label_map, layers)
    for segment in (segment for segment in drawn if is_no_label(segment.name)):
        layers[segment.layer][layers[segment.layer] == segment.value] = 0
    drawn = [segment for segment in drawn if not is_no_label(segment.name)]
    unknown = [segment for segment in drawn if find_label(segment.name) is None]
    named = [segment for segment in unknown if not is_only_numbered(segment.name, segment.value)]
    if len(unknown) == len(drawn) and len(layers) == 1 and (by_value or not named):
        return replace(label_map, labels=layers[0], layered=False)
    if unknown:
        first, names = (named or unknown)[0], ", ".join(LABEL_VALUES)
        what = f"segment {first.name!r} is not one of the labels {names}"
        msg = f"{what} (its value is {first.value}): give it one of these names"
        raise InputError(msg)
    values: dict[tuple[int, int], set[int]] = {}
    for segment in drawn:
        label = int(find_label(segment.name) or 0)
        values.setdefault((label, segment.layer), set()).add(segment.value)
    out = np.zeros(layers.shape[1:], np.int64)
    overlap = np.zeros(out.shape, bool)
    for (label_value, layer), stored in sorted(values.items(), key=lambda entry: entry[0]):
        mask = np.isin(layers[layer], sorted(stored))
        overlap |= mask & (out > 0) & (out != label_value)
        out[mask] = label_value
    warnings = label_map.warnings
    if overlap.any():
        warnings = (*warnings, overlap_warning(int(overlap.sum())))
    return replace(label_map, labels=out, layered=False, segments=(), named=True, warnings=warnings)


def _drawn_segments(label_map: LabelMap, layers: NDArray[np.int64]) -> list[Segment]:
    """The segments that have voxels, of layer after layer.

    Raises InputError where a value belongs to no segment, or to two of different names.
    """
    file, of_layer = label_map.name, dict[int, list[Segment]]()
    for segment in label_map.segments:
        of_layer.setdefault(segment.layer, []).append(segment)
    drawn = []
    for at, labels in enumerate(layers):
        present = set(np.unique(labels).tolist()) - {0}
        names: dict[int, str] = {}
        for segment in of_layer.get(at, ()):
            name, other = segment.name, names.setdefault(segment.value, segment.name)
            is_same = (find_label(name) or name) == (find_label(other) or other)
            if segment.value in present and not is_same:
                msg = f"segments {other!r} and {name!r} of {file} cannot be told apart: both have "
                raise InputError(msg + f"the LabelValue {segment.value} in layer {at}")
        if undescribed := present - names.keys():
            msg = f"{file} holds the value {min(undescribed)} in layer {at}, "
            raise InputError(msg + "but no segment with this LabelValue")
        drawn += [segment for segment in of_layer.get(at, ()) if segment.value in present]
    return drawn


def on_grid(label_map: LabelMap, grid: InputGrid) -> NDArray[np.int64]:
    """The labels as an array of `grid.shape`, axes turned and what was cut off put back as 0.

    Along each axis the map is a part of the image, or larger at both ends: empty voxels beyond are
    left out. Where programs place the image differently by its header, the map lies in it as one of
    them has it, if possible without a turn of its axes. Raises GeometryError where it does not lie
    on voxels of the image, or labels beyond it, and InputError where it lies at several places.
    """
    if label_map.layered:
        label_map = by_name(label_map)
    placed = (_placed(label_map, place, grid.shape) for place in possible_affines(grid))
    fits = [fit for fit in placed if fit is not None]
    if not fits:
        _refuse_place(label_map, grid)
    least_turned = min(is_turned for is_turned, _ in fits)
    first, *others = (labels for is_turned, labels in fits if is_turned == least_turned)
    if not all(np.array_equal(first, other) for other in others):
        msg = (
            f"{label_map.name} fits its image at two places, for programs place the image "
            f"differently by its header: save it uncut, with the image's shape {grid.shape}"
        )
        raise InputError(msg)
    return first


def _placed(
    label_map: LabelMap, place: NDArray[np.float64], shape: tuple[int, int, int]
) -> tuple[bool, NDArray[np.int64]] | None:
    """Whether axes must be turned, and the labels in an image of this shape and affine.

    None where the map does not lie on its voxels, or labels beyond it.
    """
    if (snapped := _snapped(label_map, place)) is None:
        return None
    turn, first = snapped
    axes, signs = np.abs(turn).argmax(axis=1), turn.sum(axis=1).astype(int)
    labels = np.transpose(label_map.labels, axes)[tuple(slice(None, None, sign) for sign in signs)]
    start = np.where(signs > 0, first, first - np.subtract(labels.shape, 1)).astype(int)
    ends = start + labels.shape
    is_within, is_larger = (start >= 0) & (ends <= shape), (start <= 0) & (ends >= shape)
    if not (is_within | is_larger).all():  # as where a map of the whole image was shifted
        return None
    if labels.shape != shape and sorted(labels.shape) == sorted(shape):  # rows for columns
        return None
    low, high = np.maximum(start, 0), np.minimum(ends, shape)
    inside = labels[tuple(map(slice, low - start, high - start))]
    if np.count_nonzero(inside) < np.count_nonzero(labels):
        return None
    out = np.zeros(shape, np.int64)
    out[tuple(map(slice, low, high))] = inside
    return not np.array_equal(turn, np.eye(3)), out


def read_label_file(path: Path, *, by_value: bool = False) -> LabelMap:
    """Read a label map whose values may follow any convention.

    by_value: as `by_name` takes it. Raises InputError for what is no file, and as `read_label_map`
    and `by_name`.
    """
    if not path.is_file():
        is_folder = "is a folder: give the file with the label map"
        msg = f"{path} {is_folder if path.is_dir() else 'does not exist'}"
        raise InputError(msg)
    return by_name(read_label_map(path, name=str(path)), by_value=by_value)


def read_labels(path: Path) -> NDArray[np.uint8]:
    """A label map that was checked when it was stored, as it lies in its file."""
    return read_label_file(path).labels.astype(np.uint8)


def read_labels_on(
    path: Path, *, scan: ShortAxisScan, image: Path, by_value: bool = False
) -> NDArray[np.int64]:
    """The labels of a file as `placed_on` has them; by_value: as `by_name` takes it."""
    return placed_on(read_label_file(path, by_value=by_value), scan=scan, image=image)


def placed_on(drawn: LabelMap, *, scan: ShortAxisScan, image: Path) -> NDArray[np.int64]:
    """A label map on the grid of a scan, its axes turned to those of the scan's file.

    scan: what was read from `image`, which messages name. The labels are of `scan.grid.shape`, what
    was cut off round them is put back. Raises InputError, naming both files, where the map does not
    lie on voxels of the image, and as `on_grid`.
    """
    try:
        return on_grid(drawn, scan.grid)
    except GeometryError as error:
        msg = f"{error}; the grid is that of {image}"
        raise InputError(msg) from error


def _snapped(
    label_map: LabelMap, place: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The turn and the start of a map among the voxels of an image; None if not on them."""
    try:
        relative = np.linalg.solve(place, label_map.affine)
    except np.linalg.LinAlgError:
        return None
    turn, first = np.rint(relative[:3, :3]), np.rint(relative[:3, 3])
    is_turn = all((np.abs(turn).sum(axis=axis) == 1).all() for axis in (0, 1))
    if not (np.isfinite(relative).all() and is_turn):
        return None
    voxels = np.eye(4)
    voxels[:3, :3], voxels[:3, 3] = turn, first
    off_mm = corner_distances_mm(label_map.affine - place @ voxels, label_map.labels.shape)
    return (turn, first) if are_on_voxels(off_mm, place) else None


def _refuse_place(label_map: LabelMap, grid: InputGrid) -> NoReturn:
    shape = label_map.labels.shape
    if shape != grid.shape and sorted(shape) == sorted(grid.shape):
        _refuse_shape(label_map.name, shape, grid)
    places = possible_affines(grid)
    cut = "" if shape == grid.shape else f" (it has shape {shape}, the image {grid.shape})"
    sizes, *of_image = (np.linalg.norm(at[:3, :3], axis=0) for at in (label_map.affine, *places))
    if not any(np.allclose(sorted(sizes), sorted(at), rtol=SAME_SIZE, atol=0) for at in of_image):
        how = "resample it (nearest neighbour) to" if cut else "save it with the header of"
        both = f"are {in_text(sizes)} mm, those of the image {in_text(of_image[0])} mm"
        why = f"its voxels {both}{cut}: {how} the image"
    elif not cut:
        off_mm = min(corner_distances_mm(label_map.affine - at, shape).max() for at in places)
        why = f"its corners are up to {off_mm:.1f} mm off"
    elif any(_snapped(label_map, at) for at in places):
        why = f"it reaches beyond it{cut}"
    else:
        why = f"its voxels lie beside those of the image{cut}"
    msg = f"{label_map.name} must lie on its image, but {why}"
    raise GeometryError("; ".join([msg, *label_map.remarks]))


def _refuse_shape(name: str, shape: tuple[int, ...], grid: InputGrid) -> NoReturn:
    msg = f"{name} must have the image's shape {grid.shape}, got {shape}"
    raise GeometryError(msg)


def _nan_warning(voxels: int) -> tuple[str, ...]:
    """A warning on voxels of a label map that hold NaN, as some programs fill what is outside."""
    if not voxels:
        return ()
    count = "1 voxel holds" if voxels == 1 else f"{voxels} voxels hold"
    return (f"{count} NaN in the label map, which counts as background",)


def _plain_shape(volume: Volume) -> tuple[int, int, int]:
    shape = volume.shape[1:] if volume.layered else volume.shape
    if len(shape) < 3 or min(shape) < 1 or max(shape[3:], default=1) > 1:
        msg = f"{volume.name} must be a 3-D label map, got shape {volume.shape}"
        raise InputError(msg)
    return shape[0], shape[1], shape[2]
