"""Pseudo-labels (not from the paper): scans without labels, labelled by networks trained before."""

from functools import cache, partial
from pathlib import Path

from acsnet.nets.weights import SHIPPED, read_manifest
from acsnet.pipeline import Pipeline
from acsnet.scan import ShortAxisScan
from acsnet.train.data.case import TrainingCase, tissue_of
from acsnet.train.data.unlabelled import Unlabelled, teacher_of, unlabelled_files


def pseudo_labelled(folder: Path, *, data: Path, weights: Path = SHIPPED) -> Unlabelled:
    """The scans of a folder, with a pipeline that labels those of which it has no doubt.

    Args:
        folder: scans without labels, one volume each.
        data: folder with `splits.json`, whose test patients must not be among them.
        weights: folder of the networks; they are loaded with the first scan.

    Raises:
        InputError: as `unlabelled_files`.
        WeightsError: the weights are missing or altered.
    """
    load = cache(partial(Pipeline.load, weights=weights))

    def teach(scan: ShortAxisScan) -> TrainingCase | None:
        result = load()(scan)
        if result.quality:
            return None
        return TrainingCase(scan=result.scan, tissue=tissue_of(result.labels), source="lge")

    return Unlabelled(
        files=unlabelled_files(folder, data=data),
        teach=teach,
        teacher=teacher_of(read_manifest(weights)),
    )
