"""The pipeline: standardise, ROI, myocardium, anatomical correction, scar and its measures."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acsnet.anatomy.checks import read_limits
from acsnet.anatomy.latent_prior import load_prior
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, Label
from acsnet.nets.inference import Form, InferenceNetwork, check_torch, load_codec, load_segmenter
from acsnet.nets.weights import SHIPPED, read_manifest
from acsnet.preprocess import StandardScan, check_image, standardise
from acsnet.quantify.features_document import Flag
from acsnet.quantify.obstruction import find_obstruction
from acsnet.quantify.quantification import NOTHING, Given, Quantification, quantify
from acsnet.quantify.scar import ScarMethod, ScarThreshold, classify_enhancement
from acsnet.result import Measured, Result
from acsnet.scan import ShortAxisScan
from acsnet.stages import myocardium, roi
from acsnet.stages.correction import Corrector, StackCorrection
from acsnet.stages.latent_search import LatentWalk
from acsnet.stages.myocardium import EnhancementCleanup
from acsnet.stages.network_masks import masks_of_labels, masks_of_networks
from acsnet.stages.quality_flags import (
    anatomy_doubts,
    doubts,
    location_doubts,
    messages,
    small_part_doubts,
)
from acsnet.stages.slice_order import in_anatomical_order
from acsnet.stages.stage_outputs import Located, Masks, NetworkMasks, label_map, within
from acsnet.stages.standard_tone import in_standard_tone
from acsnet.uncertainty.calibration import read_calibration
from acsnet.uncertainty.mc_samples import SEED, Sample, Uncertainty, summarise_samples


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The networks and their settings; call it with a scan to segment and measure the scan.

    Calls share no state, so several threads may use one pipeline at the same time.

    Attributes:
        scar_method: threshold of core scar, see `acsnet.quantify.scar`.
        uncertainty: whether to estimate the uncertainty on LGE: about one more pass of stage 2.
        standard_tone: whether to draw as for changes between two scans
            (`acsnet.stages.standard_tone`); one more pass of stage 2.
    """

    roi_net: InferenceNetwork
    myocardium_net: InferenceNetwork
    cleanup: EnhancementCleanup
    corrector: Corrector
    weights: dict[str, str]
    scar_method: ScarMethod = "remote"
    uncertainty: bool = False
    standard_tone: bool = False

    @classmethod
    def load(
        cls,
        *,
        weights: Path = SHIPPED,
        device: str = "cpu",
        scar_method: ScarMethod = "remote",
        keep_valid: bool = True,
        uncertainty: bool = False,
        standard_tone: bool = False,
        reference: bool = False,
        threads: int | None = None,
    ) -> "Pipeline":
        """Load and verify networks, by default the shipped ones.

        Args:
            weights: folder with the weights.
            device: "cpu", "cuda" or "cuda:<index>".
            scar_method: threshold of core scar, "remote" or "half_max".
            keep_valid: keep walls that pass the checks unchanged; False replaces them by their
                smoother reconstruction by the autoencoder.
            uncertainty: add intervals and an uncertainty map to each result.
            standard_tone: draw as for changes between two scans.
            reference: use the networks as trained, in plain PyTorch, instead of the fast form.
            threads: number of threads of the networks on a CPU; None for all cores.

        Raises:
            WeightsError: weights are missing, altered or do not belong together.
            DeviceError: another device, a GPU that torch does not find, or uncertainty, a GPU or
                the reference without PyTorch.
        """
        if uncertainty:
            check_torch("uncertainty")
        manifest = read_manifest(weights)
        form = Form(folder=weights, device=device, threads=threads, reference=reference)
        walk = LatentWalk(
            autoencoder=load_codec(form),
            prior=load_prior(read_limits(), folder=weights),
        )
        return cls(
            roi_net=load_segmenter("roi", form),
            myocardium_net=load_segmenter("myo", form),
            cleanup=EnhancementCleanup(**manifest["myo"]["cleanup"]),
            corrector=Corrector(walk=walk, keep_valid=keep_valid),
            weights={name: entry["sha256"] for name, entry in manifest.items()},
            scar_method=scar_method,
            uncertainty=uncertainty,
            standard_tone=standard_tone,
        )

    def warm_up(self) -> None:
        """Run the networks once, so that the first scan does not wait for their compilation."""
        for net, side in ((self.roi_net, roi.ROI_SIDE), (self.myocardium_net, myocardium.MYO_SIDE)):
            for signal in (np.zeros, np.ones):  # with black edges, and without
                net(signal((1, net.config.inputs, side, side), np.float32))

    def __call__(self, scan: ShortAxisScan, *, given: Given = NOTHING) -> Result:
        """Segment and measure a scan.

        Args:
            scan: as `acsnet.read_scan` reads it.
            given: facts that a person supplies, such as height, weight and RV insertion.

        Returns:
            The result. Its label map is empty, with a warning, if no ventricle is visible.

        Raises:
            InputError: the scan has no contrast or is a label map, or a given fact is impossible.
        """
        check_image(scan)
        seconds: dict[str, float] = {}
        with _timed(seconds, "standardise"):
            standard = standardise(scan)
        with _timed(seconds, "roi"):
            located = self.locate(scan, standard)
            scan = located.scan
        with _timed(seconds, "myocardium"):
            drawn = self.segment_myocardium(located)
        with _timed(seconds, "anatomy"):
            anatomy = self.corrector.correct_stack(drawn.wall, scan.spacing_mm[1:])
            masks = within(anatomy, drawn)
        with _timed(seconds, "quantify"):
            labels, threshold = self._label(scan, masks, given)
            obstruction = find_obstruction(
                scan.pixels,
                masks.enhancement,
                masks.wall,
                masks.pool,
                scan.spacing_mm,
                remote=threshold.remote,
                peak=threshold.peak,
                measured=scan.measured,
            )
            labels[obstruction] = Label.MICROVASCULAR_OBSTRUCTION
            quantification = quantify(scan, labels, threshold=threshold, given=given)
        uncertainty = None
        if self.uncertainty and scan.shows_scar:
            with _timed(seconds, "uncertainty"):
                uncertainty = summarise_samples(
                    self.samples(located),
                    labels=labels,
                    features=quantification.features,
                    enhancement_probability=drawn.enhancement_probability,
                    weights=self.weights,
                    calibration=read_calibration(),
                )
        notes = (*standard.warnings, *located.notes, *(uncertainty.notes if uncertainty else ()))
        doubtful = location_doubts(located.other_objects)
        return self._result(
            scan, labels, quantification, drawn, anatomy, seconds, notes, uncertainty, doubtful
        )

    def _result(
        self,
        scan: ShortAxisScan,
        labels: NDArray[np.uint8],
        quantification: Quantification,
        drawn: NetworkMasks,
        anatomy: StackCorrection,
        seconds: dict[str, float],
        notes: tuple[str, ...] = (),
        uncertainty: Uncertainty | None = None,
        doubtful: tuple[Flag, ...] = (),
    ) -> Result:
        """The result with its quality flags; notes: further warnings; doubtful: of stage 1."""
        flags = (
            *doubtful,
            *doubts(labels, scan, quantification.features.lv_volume_ml),
            *anatomy_doubts(anatomy, scan.grid),
            *small_part_doubts(
                drawn.small_parts & anatomy.wall,
                anatomy.wall,
                enhanced=bool(np.isin(labels, ENHANCEMENT).any()),
            ),
            *(() if uncertainty is None else uncertainty.flags(read_calibration())),
        )
        return Result(
            scan=scan,
            labels=labels,
            quantification=quantification,
            anatomy=anatomy,
            drawn_wall=drawn.wall,
            wall_probability=drawn.wall_probability,
            enhancement_probability=drawn.enhancement_probability,
            uncertainty=uncertainty,
            quality=flags,
            warnings=(*scan.warnings, *notes, *quantification.warnings, *messages(flags)),
            weights=self.weights,
            seconds=seconds,
        )

    def find_ventricle(self, scan: ShortAxisScan) -> Located:
        """Standardise a scan and locate its left ventricle (stage 1)."""
        return self.locate(scan, standardise(scan))

    def without_correction(self, scan: ShortAxisScan) -> Measured:
        """Segment and measure a scan by stages 1 and 2 alone."""
        located = self.find_ventricle(scan)
        drawn, scan = self.segment_myocardium(located), located.scan
        wall = drawn.wall
        masks = Masks(pool=drawn.ventricle & ~wall, wall=wall, enhancement=drawn.enhancement & wall)
        labels, threshold = self._label(scan, masks)
        quantification = quantify(scan, labels, threshold=threshold)
        notes = (*scan.warnings, *located.standard.warnings, *located.notes)
        note = "the wall is as the networks drew it: it did not go through the anatomical checks"
        return Measured(
            scan=scan,
            labels=labels,
            quantification=quantification,
            warnings=(*notes, *quantification.warnings, note),
            weights=self.weights,
            seconds={},
        )

    def locate(self, scan: ShortAxisScan, standard: StandardScan) -> Located:
        """Stage 1: put a scan in anatomical order and find its left ventricle."""
        probability = roi.predict_roi(self.roi_net, standard)
        ordered, standard, notes = in_anatomical_order(scan, standard, probability)
        if ordered.grid.reversed_slices != scan.grid.reversed_slices:
            # Neighbours are exchanged: predict again, so that the order in the file has no effect.
            probability = roi.predict_roi(self.roi_net, standard)
        return Located(
            scan=ordered,
            standard=standard,
            probability=probability,
            ventricle=roi.clean_roi(probability),
            other_objects=roi.other_objects(probability),
            notes=notes,
        )

    def segment_myocardium(self, located: Located) -> NetworkMasks:
        """Stage 2: wall and enhancement by the networks, on the scan's grid."""
        net, ventricle = self.myocardium_net, located.ventricle
        probability = myocardium.predict_myocardium(net, located.standard, ventricle)
        if self.standard_tone and located.scan.shows_scar:
            wall = probability[0] > myocardium.WALL_THRESHOLD
            enhancement = probability[1] > myocardium.ENHANCEMENT_THRESHOLD
            toned = in_standard_tone(located.standard, ventricle | wall, wall=wall & ~enhancement)
            again = myocardium.predict_myocardium(net, toned, ventricle)[1]
            probability[1] = (probability[1] + again) / 2.0
        return self._masks(located, probability)

    def samples(self, located: Located) -> Iterator[Sample]:
        """Samples of stages 2 and 3 for the uncertainty; none without a ventricle."""
        for probability in myocardium.sample_myocardium(
            self.myocardium_net, located.standard, located.ventricle, seed=SEED
        ):
            drawn = self._masks(located, probability)
            yield Sample(
                wall_probability=drawn.wall_probability,
                enhancement_probability=drawn.enhancement_probability,
                wall=self.corrector.correct_stack(drawn.wall, located.scan.spacing_mm[1:]).wall,
            )

    def _masks(self, located: Located, probability: NDArray[np.float32]) -> NetworkMasks:
        return masks_of_networks(
            located, probability, cleanup=self.cleanup, join_enhancement=not self.standard_tone
        )

    def _label(
        self, scan: ShortAxisScan, masks: Masks, given: Given = NOTHING
    ) -> tuple[NDArray[np.uint8], ScarThreshold]:
        """The label map with core scar and grey zone, and the threshold between them."""
        zones = classify_enhancement(
            scan.pixels,
            masks.wall,
            masks.enhancement,
            method=self.scar_method,
            remote=given.remote_on(scan),
            measured=scan.measured,
        )
        return label_map(masks, core=zones.core), zones.threshold

    def correct(self, scan: ShortAxisScan, labels: NDArray[np.uint8]) -> Result:
        """Correct the anatomy (stage 3) of a label map that a person drew.

        Args:
            scan: the scan on which it was drawn.
            labels: (slice, row, column) values of `acsnet.labels.Label` on the grid of the scan.

        Returns:
            The result. Inside the corrected wall, the drawn enhancement is unchanged.
        """
        seconds: dict[str, float] = {}
        if scan.apex_first is None:
            if not roi.apex_is_first(np.isin(labels, LEFT_VENTRICLE)):
                scan, labels = scan.reversed(), labels[::-1]
            scan = replace(scan, apex_first=True)
        drawn = masks_of_labels(labels)
        with _timed(seconds, "anatomy"):
            anatomy = self.corrector.correct_stack(drawn.wall, scan.spacing_mm[1:])
            masks = within(anatomy, drawn)
        corrected = np.where(masks.enhancement, labels, label_map(masks))
        return self._result(scan, corrected, quantify(scan, corrected), drawn, anatomy, seconds)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
