"""Measures against ready-made references of scikit-image and SciPy, and meshes against voxels.

On the two sample patients with their true labels, and with --data on the experts' masks of the
infarcts of the EMIDEC train list. Each row: the largest difference in percent over all of them.
"""

import argparse
import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy.ndimage import gaussian_filter
from scipy.stats import entropy, median_abs_deviation
from skimage.filters import threshold_multiotsu
from skimage.measure import find_contours, label, perimeter_crofton, regionprops

from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.measure import measure_label_file
from acsnet.quantify.scar_methods import OTSU_BINS
from acsnet.quantify.scar_shape.texture import ENTROPY_BINS
from acsnet.quantify.speckle import speckle
from acsnet.report.files import PARTS
from acsnet.report.meshes import surfaces
from acsnet.result import Measured
from acsnet.train.data.lists import training_names

SAMPLES = Path(__file__).resolve().parents[1] / "sample-data"
LEAST_ML = 1.0
MESH_PERCENT = 3.0
SMOOTH_PIXELS = 1.0

Pair = tuple[float, float]
"""Ours, the reference's."""


def main() -> None:
    """Write OUTPUT/references.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of real scans: their masks too")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    largest = dict.fromkeys(REFERENCES, 0.0)
    counts = dict.fromkeys(REFERENCES, 0)
    meshes: dict[str, list[float]] = {name: [] for name in PARTS}
    patients = 0
    for measured in track(_masks(args.data)):
        patients += 1
        for name, pairs in REFERENCES.items():
            for ours, theirs in pairs(measured):
                counts[name] += 1
                percent = 100.0 * abs(ours - theirs) / max(abs(theirs), 1e-9)
                largest[name] = max(largest[name], percent)
        for part, error in _mesh_errors(measured).items():
            meshes[part].append(error)
    lines = [
        "# Measures compared with other libraries",
        "",
        "Research use only, not a medical device.",
        "",
        f"Written on {datetime.datetime.now(tz=datetime.timezone.utc):%Y-%m-%d} by `python "
        "benchmarks/references.py --data DATA --output docs/results`: the two sample patients and "
        f"the experts' masks of {patients - 2} infarcts of the EMIDEC train list.",
        "",
        "| measure | reference | compared | largest difference |",
        "|---|---|---|---|",
        *(
            f"| {measure} | {reference} | {counts[measure, reference]} | "
            f"{largest[measure, reference]:.2g} % |"
            for measure, reference in REFERENCES
        ),
        "",
        "Crofton's perimeter counts crossings in four directions and follows each step of a ragged "
        "outline; ACSNet measures the length of a smooth polygon. No library computes "
        "transmurality, AHA segments, pattern and obstruction; they are tested on analytic shapes.",
        "",
        "Volume of closed surfaces compared with that of their voxels, for parts above "
        f"{LEAST_ML:.0f} ml:",
        "",
        f"| surface | meshes | within {MESH_PERCENT:.0f} % | largest difference |",
        "|---|---|---|---|",
        *(
            f"| {name} | {len(errors)} | {sum(error <= MESH_PERCENT for error in errors)} | "
            f"{max(errors, default=0.0):.2g} % |"
            for name, errors in meshes.items()
        ),
    ]
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "references.md").write_text("\n".join(lines) + "\n")
    Console(width=110).print("\n".join(lines), markup=False, highlight=False)


def _masks(data: Path | None) -> Iterator[Measured]:
    for name in ("phantom-1", "phantom-2"):
        yield measure_label_file(
            SAMPLES / "nifti" / f"{name}.nii.gz", SAMPLES / "truth" / f"{name}.nii.gz"
        )
    if data is None:
        return
    for name in training_names(data, "emidec"):
        image, drawn = (data / "emidec" / kind / f"{name}.nii.gz" for kind in ("images", "labels"))
        measured = measure_label_file(image, drawn, truth="emidec")
        if measured.features.enhancement_volume_ml:
            yield measured


def _volumes(measured: Measured) -> Iterator[Pair]:
    features = measured.features
    for values, ours in (
        (LEFT_VENTRICLE, features.lv_volume_ml),
        ((Label.LV_BLOOD_POOL,), features.blood_pool_volume_ml),
        (MYOCARDIUM, features.myocardium_volume_ml),
        (ENHANCEMENT, features.enhancement_volume_ml),
        ((Label.CORE_SCAR,), features.core_scar_volume_ml),
        ((Label.GREY_ZONE,), features.grey_zone_volume_ml),
    ):
        mask = np.isin(measured.labels, values)
        if ours is not None and mask.any():
            (region,) = regionprops(mask.astype(np.uint8), spacing=measured.scan.spacing_mm)
            yield ours, region.area / 1000.0


def _islands(measured: Measured) -> Iterator[Pair]:
    parts = label(np.isin(measured.labels, ENHANCEMENT), connectivity=3)
    volumes = sorted(
        (region.area / 1000.0 for region in regionprops(parts, spacing=measured.scan.spacing_mm)),
        reverse=True,
    )
    texture = measured.quantification.texture
    yield float(texture.scar_islands or 0), float(len(volumes))
    yield from zip(texture.scar_island_volumes_ml or (), volumes, strict=True)


def _entropy(measured: Measured) -> Iterator[Pair]:
    pixels, wall = measured.scan.pixels, np.isin(measured.labels, MYOCARDIUM)
    scar = np.isin(measured.labels, ENHANCEMENT)
    usual = wall & ~speckle(pixels, wall) & ~speckle(-pixels, wall)
    edges = np.histogram_bin_edges(pixels[usual], ENTROPY_BINS)
    for mask, ours in (
        (scar, measured.quantification.texture.scar_entropy_bits),
        (wall, measured.quantification.texture.myocardium_entropy_bits),
    ):
        if ours is not None:
            inside = np.clip(pixels[mask], edges[0], edges[-1])
            yield ours, float(entropy(np.histogram(inside, edges)[0], base=2))


def _remote(measured: Measured) -> Iterator[Pair]:
    remote = measured.quantification.remote
    if None in (remote.mean, remote.sd):
        return
    values = measured.scan.pixels[remote.mask].astype(np.float64)
    yield float(remote.mean or 0.0), float(values.mean())
    yield float(remote.sd or 0.0), float(values.std())


def _robust(measured: Measured) -> Iterator[Pair]:
    """Where nothing of the region is as bright as core scar, so that all of it counts."""
    remote = measured.quantification.remote
    if remote.median is None or remote.spread is None or remote.bright_percent > 0:
        return
    values = measured.scan.pixels[remote.mask].astype(np.float64)
    yield remote.median, float(np.median(values))
    # 1.4826 is 1 / Phi^-1(3/4), rounded.
    yield remote.spread, float(median_abs_deviation(values, scale="normal"))


def _otsu(measured: Measured) -> Iterator[Pair]:
    row = next(row for row in measured.quantification.methods if row.method == "otsu")
    if row.threshold is None:
        return
    pixels, wall = measured.scan.pixels, np.isin(measured.labels, MYOCARDIUM)
    values = pixels[wall & ~speckle(pixels, wall)].astype(np.float64)
    half_bin = 0.5 * np.ptp(values) / OTSU_BINS
    (threshold,) = threshold_multiotsu(values, classes=2, nbins=OTSU_BINS)
    yield row.threshold, float(threshold + half_bin)


def _endocardium(measured: Measured) -> Iterator[Pair]:
    """Only where pixels are square, which the perimeter of a library presupposes."""
    slice_mm, row_mm, column_mm = measured.scan.spacing_mm
    area = measured.quantification.transmurality.endocardial_area_cm2
    if area is None or abs(row_mm - column_mm) > 0.01:
        return
    pools = measured.labels == Label.LV_BLOOD_POOL
    length = sum(perimeter_crofton(pool, directions=4) for pool in pools) * row_mm
    yield area, length * slice_mm / 100.0


def _smooth_endocardium(measured: Measured) -> Iterator[Pair]:
    """As `_endocardium`, of contours without the steps of pixels."""
    slice_mm, row_mm, column_mm = measured.scan.spacing_mm
    area = measured.quantification.transmurality.endocardial_area_cm2
    if area is None or abs(row_mm - column_mm) > 0.01:
        return
    length = 0.0
    for pool in measured.labels == Label.LV_BLOOD_POOL:
        smooth = gaussian_filter(pool.astype(np.float64), SMOOTH_PIXELS)
        lines = find_contours(smooth, 0.5)
        length += sum(float(np.hypot(*np.diff(line, axis=0).T).sum()) for line in lines)
    yield area, length * row_mm * slice_mm / 100.0


def _mesh_errors(measured: Measured) -> dict[str, float]:
    errors = {}
    for name, mesh in surfaces(measured).items():
        voxels_ml = float(np.isin(measured.labels, PARTS[name]).sum()) * measured.scan.voxel_ml
        if voxels_ml > LEAST_ML:
            errors[name] = 100.0 * abs(float(mesh.volume) / 1000.0 - voxels_ml) / voxels_ml
    return errors


REFERENCES: dict[tuple[str, str], Callable[[Measured], Iterator[Pair]]] = {
    ("volumes", "`skimage.measure.regionprops`, with spacing"): _volumes,
    ("scar islands and their volumes", "`skimage.measure.label`, all neighbours"): _islands,
    ("entropy of scar and wall", "`scipy.stats.entropy` of the histogram"): _entropy,
    ("remote region, mean and SD", "NumPy"): _remote,
    ("remote region, robust", "`scipy.stats.median_abs_deviation`"): _robust,
    ("Otsu threshold", "`skimage.filters.threshold_multiotsu`, two classes"): _otsu,
    ("endocardial area", "`skimage.measure.perimeter_crofton` x slice distance"): _endocardium,
    (
        "endocardial area",
        "`skimage.measure.find_contours`, smoothed by a pixel, x slice distance",
    ): _smooth_endocardium,
}


if __name__ == "__main__":
    main()
