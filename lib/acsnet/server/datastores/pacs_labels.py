"""The segmentations of a PACS as label maps and measures, and people's label maps as segmentations.

Each save is a new SEG in the PACS; what others saved before stays as it is.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.dicom import State
from acsnet.errors import AcsnetError, InputError
from acsnet.fine_tuning.training_request import Reviewed
from acsnet.io import write_label_map
from acsnet.measure import measure_drawn
from acsnet.pacs.annotations import Annotation
from acsnet.pacs.archive import Archive, Companions
from acsnet.pacs.worklist import Entry
from acsnet.report.patient import subject_of
from acsnet.report.pdf import report_pdf
from acsnet.result import Measured
from acsnet.server.datastores.seg_records import KeptMeasures, seg_record
from acsnet.server.web.request_checks import SCAN_SUFFIXES

logger = logging.getLogger(__name__)


def companions_of(measured: Measured, *, labels_by: str) -> Companions:
    """What lies in the PACS beside the SEG of a label map; labels_by: who drew it, in words."""
    return Companions(
        features=replace(measured.features, warnings=measured.warnings),
        segments=measured.quantification.segments,
        pdf=lambda header: report_pdf(measured, subject_of(header), labels_by=labels_by),
    )


class PacsLabels:
    """Label maps of the series of an archive.

    folder: of the server's own copies, and of the measures; all in it can be made again.
    """

    def __init__(self, archive: Archive, folder: Path) -> None:
        self.measures = KeptMeasures(folder)
        self._archive = archive
        self._folder = folder

    def file(self, uid: str, annotation: Annotation) -> Path:
        """A SEG of a series as NIfTI file on the grid of the series; it is measured, too.

        Raises AcsnetError where the SEG cannot be read as our labels.
        """
        slices = len(self._archive.entry(uid).instances)
        path = self._folder / f"{annotation.instance}-{slices}{SCAN_SUFFIXES[0]}"
        if not path.exists():
            scan, sources = self._archive.read(uid)
            reading = self._archive.label_map(annotation, sources)
            labels = scan.grid.to_input(reading.labels)
            if labels.any() and not self.measures.of(annotation.instance):
                features = measure_drawn(scan, labels).features_dict()
                features["warnings"] += reading.warnings
                self.measures.keep(annotation.instance, features)
            write_label_map(path, labels, scan.grid)
        return path

    def store(
        self,
        uid: str,
        labels: NDArray[np.uint8],
        *,
        author: str,
        state: State,
        features: dict[str, Any] | None = None,
    ) -> str:
        """Store a person's label map as a new SEG with its report; its SOPInstanceUID.

        labels: on the grid of the series; features: what is kept of its measures, where more is
        known than follows from it. Raises InputError for a label map without a left ventricle.
        """
        scan, _ = self._archive.read(uid)
        measured = measure_drawn(scan, labels)
        told = f"drawn by {author}, {state}"
        instance = self._archive.store_drawn(
            uid, labels, companions_of(measured, labels_by=told), author=author, state=state
        )
        self.measures.keep(instance, features or measured.features_dict())
        return instance

    def review(self, uid: str, version: str, *, by: str) -> dict[str, Any]:
        """Store a person's draft once more, as reviewed; the draft stays as it is.

        version: SOPInstanceUID of the draft; by: for the record of the server, as the SEG names
        who drew it. Raises InputError for a version that is not there or is the model's.
        """
        drawn = self._archive.entry(uid).drawn
        annotation = next((one for one in drawn if one.instance == version), None)
        if annotation is None:
            msg = f"image {uid!r} has no version {version!r} by a person"
            raise InputError(msg)
        if annotation.state == "reviewed":
            return seg_record(annotation)
        instance = self.store(
            uid,
            self._label_maps(uid, {annotation.author: annotation})[annotation.author],
            author=annotation.author,
            state="reviewed",
            features=self.measures.of(annotation.instance),
        )
        reviewed = replace(annotation, state="reviewed", instance=instance)
        return {**seg_record(reviewed), "reviewer": by}

    def reviewed(self, entries: Iterable[Entry]) -> list[Reviewed]:
        """What a network may be trained on: the newest reviewed label of each scan.

        One that cannot be read is left out, as the log says.
        """
        found = []
        for entry in entries:
            annotation = entry.newest("reviewed")
            if entry.reason is not None or annotation is None:
                continue
            try:
                label, image = self.file(entry.uid, annotation), self._archive.fetch(entry.uid)
            except AcsnetError as error:
                logger.warning("a label is left out: %s", error)
                continue
            patient, at = entry.text("PatientID") or entry.uid, seg_record(annotation)["ts"]
            found.append(Reviewed(name=entry.uid, patient=patient, image=image, label=label, at=at))
        return found

    def drawn_by(self, uid: str) -> dict[str, NDArray[np.uint8]]:
        """Author -> the newest label map of theirs, on the grid of the series."""
        return self._label_maps(
            uid, {one.author: one for one in reversed(self._archive.entry(uid).drawn)}
        )

    def _label_maps(
        self, uid: str, annotations: dict[str, Annotation]
    ) -> dict[str, NDArray[np.uint8]]:
        scan, sources = self._archive.read(uid)
        return {
            author: scan.grid.to_input(self._archive.label_map(one, sources).labels)
            for author, one in annotations.items()
        }
