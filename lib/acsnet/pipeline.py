"""The stages of the method in their order: standardise, ROI, myocardium, anatomy, core scar."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acsnet.anatomy.checks import read_limits
from acsnet.anatomy.prior import load_prior
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.inference import InferenceNetwork, inference_form
from acsnet.nets.resunet import ResUNet
from acsnet.nets.weights import SHIPPED, load_network, read_manifest
from acsnet.preprocess import StandardScan, standardise, to_scan
from acsnet.quantify.obstruction import find_obstruction
from acsnet.quantify.quantification import NOTHING, Given, quantify
from acsnet.quantify.scar import ScarMethod, ScarZones, classify_enhancement
from acsnet.result import Result
from acsnet.scan import ShortAxisScan
from acsnet.stages import myocardium, roi
from acsnet.stages.correction import Corrector, StackCorrection
from acsnet.stages.doubts import anatomy_doubts, doubts, messages
from acsnet.stages.latent_walk import LatentWalk
from acsnet.stages.myocardium import EnhancementCleanup
from acsnet.uncertainty.intervals import read_calibration
from acsnet.uncertainty.samples import SEED, Sample, sum_up


@dataclass(frozen=True, kw_only=True)
class Located:
    """A scan, apex first, and what the ROI network found in it, on the grid of `standard`.

    probability: (slice, H, W) of the left ventricle; ventricle: (slice, H, W) mask, cleaned up;
    notes: on the order of the slices.
    """

    scan: ShortAxisScan
    standard: StandardScan
    probability: NDArray[np.float32]
    ventricle: NDArray[np.bool_]
    notes: tuple[str, ...]

    def on_scan(self) -> NDArray[np.bool_]:
        """(slice, row, column) mask of the left ventricle on the scan's own grid."""
        seen = np.where(self.ventricle, self.probability, 0.0).astype(np.float32)
        return to_scan(seen, self.standard) > roi.THRESHOLD


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """(slice, row, column) masks on the scan's own grid, as the networks drew them."""

    ventricle: NDArray[np.bool_]
    wall: NDArray[np.bool_]
    enhancement: NDArray[np.bool_]
    wall_probability: NDArray[np.float32]
    enhancement_probability: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Masks:
    """(slice, row, column) masks on the scan's own grid: a possible wall and what lies in it."""

    pool: NDArray[np.bool_]
    wall: NDArray[np.bool_]
    enhancement: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The networks and their settings. Calls share no state, so that threads may run at once.

    uncertainty: whether to tell how sure a result is; costs about one more pass of stage 2, and
    is told of LGE alone.
    """

    roi_net: InferenceNetwork
    myocardium_net: InferenceNetwork
    cleanup: EnhancementCleanup
    corrector: Corrector
    weights: dict[str, str]
    scar_method: ScarMethod = "remote"
    uncertainty: bool = False

    @classmethod
    def load(
        cls,
        *,
        weights: Path = SHIPPED,
        device: str = "cpu",
        scar_method: ScarMethod = "remote",
        keep_valid: bool = True,
        uncertainty: bool = False,
        reference: bool = False,
    ) -> "Pipeline":
        """The networks of a weights folder, by default the shipped ones, all of it verified.

        Raises WeightsError if one is missing, altered or does not go with the others.

        keep_valid: a wall that passes the checks stays as the network drew it; False replaces it
        by the autoencoder's smoother reconstruction. uncertainty: as the field. reference: the
        networks run plainly, as they were trained, and slower; what the fast forms are measured
        against.
        """
        manifest = read_manifest(weights)
        walk = LatentWalk(
            autoencoder=load_network("autoencoder", Autoencoder, folder=weights, device=device),
            prior=load_prior(read_limits(), folder=weights),
        )

        def form(name: str) -> InferenceNetwork:
            network = load_network(name, ResUNet, folder=weights, device=device)
            return inference_form(network, reference=reference)

        return cls(
            roi_net=form("roi"),
            myocardium_net=form("myo"),
            cleanup=EnhancementCleanup(**manifest["myo"]["cleanup"]),
            corrector=Corrector(walk=walk, keep_valid=keep_valid),
            weights={name: entry["sha256"] for name, entry in manifest.items()},
            scar_method=scar_method,
            uncertainty=uncertainty,
        )

    def warm_up(self) -> None:
        """Draw once on black images of the usual size, so that the first scan waits for nothing."""
        for net, side in ((self.roi_net, roi.ROI_SIDE), (self.myocardium_net, myocardium.MYO_SIDE)):
            net(np.zeros((1, net.config.inputs, side, side), np.float32))

    def __call__(self, scan: ShortAxisScan, *, given: Given = NOTHING) -> Result:
        """Segment and measure one scan; given: what a person tells of it beside its pixels.

        Raises InputError for a scan without contrast, and as `quantify` does. A scan in which no
        ventricle is found gives an empty label map and says so.
        """
        seconds: dict[str, float] = {}
        with _timed(seconds, "standardise"):
            standard = standardise(scan)
        with _timed(seconds, "roi"):
            located = self.locate(scan, standard)
            scan = located.scan
        with _timed(seconds, "myocardium"):
            drawn = self.draw(located)
        with _timed(seconds, "anatomy"):
            anatomy = self.corrector.correct_stack(drawn.wall, scan.spacing_mm[1:])
            masks = within(anatomy, drawn)
        with _timed(seconds, "quantify"):
            zones = self._zones(scan, masks, given)
            labels = label_map(masks, core=zones.core)
            obstruction = find_obstruction(
                scan.pixels,
                masks.enhancement,
                masks.wall,
                masks.pool,
                scan.spacing_mm[1:],
                remote=zones.threshold.remote,
                peak=zones.threshold.peak,
            )
            labels[obstruction] = Label.MICROVASCULAR_OBSTRUCTION
            found = quantify(scan, labels, threshold=zones.threshold, given=given)
        flags = (
            *doubts(labels, scan.pixels, found.features.lv_volume_ml, signal=scan.signal),
            *anatomy_doubts(anatomy, reversed_slices=scan.grid.reversed_slices),
        )
        sure = None
        if self.uncertainty and scan.shows_scar:
            with _timed(seconds, "uncertainty"):
                calibration = read_calibration()
                sure = sum_up(
                    self.samples(located, obstruction=obstruction, given=given),
                    labels=labels,
                    features=found.features,
                    voxel_ml=scan.voxel_ml,
                    calibration=calibration,
                )
            flags += () if sure is None else sure.flags(calibration)
        notes = (*scan.warnings, *standard.warnings, *located.notes, *found.warnings)
        return Result(
            scan=scan,
            labels=labels,
            quantification=found,
            anatomy=anatomy,
            drawn_wall=drawn.wall,
            wall_probability=drawn.wall_probability,
            uncertainty=sure,
            quality=flags,
            warnings=(*notes, *messages(flags)),
            weights=self.weights,
            seconds=seconds,
        )

    def locate(self, scan: ShortAxisScan, standard: StandardScan) -> Located:
        """Put a scan in anatomical order and find the left ventricle in it: stage 1."""
        probability = roi.predict_roi(self.roi_net, standard)
        ordered, standard, notes = in_anatomical_order(scan, standard, probability)
        if ordered.grid.reversed_slices != scan.grid.reversed_slices:
            # Neighbours lie the other way round now: the same heart gives the same mask.
            probability = roi.predict_roi(self.roi_net, standard)
        return Located(
            scan=ordered,
            standard=standard,
            probability=probability,
            ventricle=roi.clean_roi(probability > roi.THRESHOLD),
            notes=notes,
        )

    def draw(self, located: Located) -> Drawn:
        """Wall and enhancement as the networks draw them, on the scan's grid: stage 2."""
        probability = myocardium.predict_myocardium(
            self.myocardium_net, located.standard, located.ventricle
        )
        return self._drawn(located, probability)

    def samples(
        self, located: Located, *, obstruction: NDArray[np.bool_], given: Given = NOTHING
    ) -> Iterator[Sample]:
        """What the networks might have drawn as well, stages 2 and 3; none without a ventricle.

        obstruction: (slice, row, column) that was found; what a sample enhances of it counts so.
        """
        scan = located.scan
        for probability in myocardium.sample_myocardium(
            self.myocardium_net, located.standard, located.ventricle, seed=SEED
        ):
            drawn = self._drawn(located, probability)
            masks = within(self.corrector.correct_stack(drawn.wall, scan.spacing_mm[1:]), drawn)
            zones = self._zones(scan, masks, given)
            labels = label_map(masks, core=zones.core)
            labels[masks.enhancement & obstruction] = Label.MICROVASCULAR_OBSTRUCTION
            yield Sample(
                wall_probability=drawn.wall_probability,
                enhancement_probability=drawn.enhancement_probability,
                labels=labels,
                threshold=zones.threshold,
            )

    def _zones(self, scan: ShortAxisScan, masks: Masks, given: Given) -> ScarZones:
        return classify_enhancement(
            scan.pixels,
            masks.wall,
            masks.enhancement,
            method=self.scar_method,
            remote=given.remote_on(scan),
        )

    def _drawn(self, located: Located, probability: NDArray[np.float32]) -> Drawn:
        """probability: (2, slice, H, W) of wall and enhancement, on the standard grid."""
        standard = located.standard
        if not located.scan.shows_scar:
            probability = np.stack([probability[0], np.zeros_like(probability[1])])
        wall, enhancement = (to_scan(stack, standard) for stack in probability)
        enhanced = myocardium.clean_enhancement(
            probability[1] > myocardium.ENHANCEMENT_THRESHOLD, self.cleanup
        )
        return Drawn(
            ventricle=located.on_scan(),
            wall=wall > myocardium.WALL_THRESHOLD,
            enhancement=to_scan(enhanced.astype(np.float32), standard) > 0.5,
            wall_probability=wall,
            enhancement_probability=enhancement,
        )

    def correct(self, scan: ShortAxisScan, labels: NDArray[np.uint8]) -> Result:
        """A label map that a person drew, made possible: stage 3 alone, on what is given.

        labels: (slice, row, column) values of `acsnet.labels.Label` on the grid of the scan. What
        was drawn as enhancement stays what it is wherever a possible wall reaches.
        """
        seconds: dict[str, float] = {}
        if scan.apex_first is None:
            if not roi.apex_is_first(np.isin(labels, LEFT_VENTRICLE)):
                scan, labels = scan.reversed(), labels[::-1]
            scan = replace(scan, apex_first=True)
        drawn = Drawn(
            ventricle=np.isin(labels, LEFT_VENTRICLE),
            wall=np.isin(labels, MYOCARDIUM),
            enhancement=np.isin(labels, ENHANCEMENT),
            wall_probability=np.isin(labels, MYOCARDIUM).astype(np.float32),
            enhancement_probability=np.isin(labels, ENHANCEMENT).astype(np.float32),
        )
        with _timed(seconds, "anatomy"):
            anatomy = self.corrector.correct_stack(drawn.wall, scan.spacing_mm[1:])
            masks = within(anatomy, drawn)
        corrected = np.where(
            masks.enhancement, labels, label_map(masks, core=np.zeros_like(masks.wall))
        )
        found = quantify(scan, corrected)
        flags = (
            *doubts(corrected, scan.pixels, found.features.lv_volume_ml, signal=scan.signal),
            *anatomy_doubts(anatomy, reversed_slices=scan.grid.reversed_slices),
        )
        return Result(
            scan=scan,
            labels=corrected,
            quantification=found,
            anatomy=anatomy,
            drawn_wall=drawn.wall,
            wall_probability=drawn.wall_probability,
            quality=flags,
            warnings=(*scan.warnings, *found.warnings, *messages(flags)),
            weights=self.weights,
            seconds=seconds,
        )


def in_anatomical_order(
    scan: ShortAxisScan, standard: StandardScan, probability: NDArray[np.float32]
) -> tuple[ShortAxisScan, StandardScan, tuple[str, ...]]:
    """Both apex first: by the tags where they tell, else by the areas the ROI net found."""
    anatomy_agrees = roi.apex_is_first(roi.one_object(probability > roi.THRESHOLD))
    if scan.apex_first:
        note = "slice positions say apex first, but the ventricle shrinks from there to the base"
        return scan, standard, () if anatomy_agrees else (note,)
    if anatomy_agrees:
        return replace(scan, apex_first=True), standard, ()
    return replace(scan.reversed(), apex_first=True), standard.reversed(), ()


def within(anatomy: StackCorrection, drawn: Drawn) -> Masks:
    """The wall bounds the enhancement, and the blood pool follows from it."""
    wall = anatomy.wall
    return Masks(
        pool=myocardium.blood_pool(wall, drawn.ventricle, anatomy.is_open),
        wall=wall,
        enhancement=wall & drawn.enhancement,
    )


def label_map(masks: Masks, *, core: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Masks -> values of `acsnet.labels.Label`; later tissues lie inside earlier ones."""
    labels = np.zeros(masks.wall.shape, np.uint8)
    labels[masks.pool] = Label.LV_BLOOD_POOL
    labels[masks.wall] = Label.LV_MYOCARDIUM
    labels[masks.enhancement] = Label.GREY_ZONE
    labels[core] = Label.CORE_SCAR
    return labels


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
