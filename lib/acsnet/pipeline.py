"""The stages of the method in their order: standardise, ROI, myocardium, core scar, features."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import Label
from acsnet.nets.resunet import ResUNet
from acsnet.nets.weights import load_network, read_manifest
from acsnet.preprocess import StandardScan, standardise, to_scan
from acsnet.quantify.features import compute_features
from acsnet.quantify.scar import ScarMethod, classify_enhancement
from acsnet.result import Result
from acsnet.scan import ShortAxisScan
from acsnet.stages import myocardium, roi
from acsnet.stages.myocardium import EnhancementCleanup

MIN_LV_ML = 20.0
MAX_LV_ML = 700.0
"""Left ventricles outside this range are reported as doubtful (ours)."""


@dataclass(frozen=True, kw_only=True)
class Masks:
    """(slice, row, column) masks on the scan's own grid."""

    pool: NDArray[np.bool_]
    wall: NDArray[np.bool_]
    enhancement: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Both networks and their settings. Calls share no state, so that threads may run at once."""

    roi_net: ResUNet
    myocardium_net: ResUNet
    cleanup: EnhancementCleanup
    weights: dict[str, str]
    scar_method: ScarMethod = "remote"

    @classmethod
    def load(cls, *, device: str = "cpu", scar_method: ScarMethod = "remote") -> "Pipeline":
        """The shipped networks, verified. Raises WeightsError if one is missing or altered."""
        networks = {name: load_network(name, device=device) for name in ("roi", "myo")}
        manifest = read_manifest()
        return cls(
            roi_net=networks["roi"],
            myocardium_net=networks["myo"],
            cleanup=EnhancementCleanup(**manifest["myo"]["cleanup"]),
            weights={name: manifest[name]["sha256"] for name in networks},
            scar_method=scar_method,
        )

    def __call__(self, scan: ShortAxisScan) -> Result:
        """Segment and measure one scan.

        Raises InputError for a scan without contrast. A scan in which no ventricle is found gives
        an empty label map and says so.
        """
        seconds: dict[str, float] = {}
        with _timed(seconds, "standardise"):
            standard = standardise(scan)
        with _timed(seconds, "roi"):
            probability = roi.predict_roi(self.roi_net, standard)
            scan, standard, probability, order_notes = in_anatomical_order(
                scan, standard, probability
            )
            lv = roi.clean_roi(probability > roi.THRESHOLD)
        with _timed(seconds, "myocardium"):
            masks = self._tissue(standard, lv, probability)
        with _timed(seconds, "quantify"):
            zones = classify_enhancement(
                scan.pixels, masks.wall, masks.enhancement, method=self.scar_method
            )
            labels = label_map(masks, core=zones.core)
            features = compute_features(labels, scan.voxel_ml, threshold=zones.threshold)
        warnings = (
            *scan.warnings,
            *standard.warnings,
            *order_notes,
            *features.warnings,
            *doubts(labels, features.lv_volume_ml),
        )
        return Result(
            scan=scan,
            labels=labels,
            features=features,
            warnings=warnings,
            weights=self.weights,
            seconds=seconds,
        )

    def _tissue(
        self, standard: StandardScan, lv: NDArray[np.bool_], lv_probability: NDArray[np.float32]
    ) -> Masks:
        """Wall, enhancement and blood pool on the scan's own grid."""
        wall, enhancement = myocardium.predict_myocardium(self.myocardium_net, standard, lv)
        enhanced = myocardium.clean_enhancement(
            enhancement > myocardium.ENHANCEMENT_THRESHOLD, self.cleanup
        )
        wall_mask = myocardium.clean_wall(to_scan(wall, standard) > myocardium.WALL_THRESHOLD)
        lv_mask = to_scan(np.where(lv, lv_probability, 0.0), standard) > roi.THRESHOLD
        return Masks(
            pool=myocardium.blood_pool(wall_mask, lv_mask),
            wall=wall_mask,
            enhancement=wall_mask & (to_scan(enhanced.astype(np.float32), standard) > 0.5),
        )


def in_anatomical_order(
    scan: ShortAxisScan, standard: StandardScan, probability: NDArray[np.float32]
) -> tuple[ShortAxisScan, StandardScan, NDArray[np.float32], tuple[str, ...]]:
    """All three apex first: by the tags where they tell, else by the areas the ROI net found."""
    anatomy_agrees = roi.apex_is_first(roi.one_object(probability > roi.THRESHOLD))
    if scan.apex_first:
        note = "slice positions say apex first, but the ventricle shrinks from there to the base"
        return scan, standard, probability, () if anatomy_agrees else (note,)
    if anatomy_agrees:
        return replace(scan, apex_first=True), standard, probability, ()
    flipped = replace(standard, plain=standard.plain[::-1], equalised=standard.equalised[::-1])
    return replace(scan.reversed(), apex_first=True), flipped, probability[::-1], ()


def label_map(masks: Masks, *, core: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Masks -> values of `acsnet.labels.Label`; later tissues lie inside earlier ones."""
    labels = np.zeros(masks.wall.shape, np.uint8)
    labels[masks.pool] = Label.LV_BLOOD_POOL
    labels[masks.wall] = Label.LV_MYOCARDIUM
    labels[masks.enhancement] = Label.GREY_ZONE
    labels[core] = Label.CORE_SCAR
    return labels


def doubts(labels: NDArray[np.uint8], lv_volume_ml: float) -> tuple[str, ...]:
    """Plain words for a segmentation that a person should look at before using its numbers."""
    found = np.flatnonzero(labels.any(axis=(1, 2)))
    if not len(found):
        return ("no left ventricle was found in this scan",)
    notes = []
    if len(found) < 3:
        notes.append(f"the left ventricle was found in {len(found)} of {len(labels)} slices only")
    if found[-1] - found[0] + 1 > len(found):
        empty = found[-1] - found[0] + 1 - len(found)
        notes.append(f"no segmentation in {empty} of the slices between apex and base")
    if not MIN_LV_ML <= lv_volume_ml <= MAX_LV_ML:
        notes.append(f"left ventricular volume of {lv_volume_ml:.0f} ml is implausible")
    return tuple(notes)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
