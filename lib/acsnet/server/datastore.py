"""Scans of a studies folder that is never written to, with labels and records kept beside it."""

import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
from monailabel.datastore.local import LocalDatastore
from monailabel.interfaces.datastore import DefaultLabelTag

from acsnet import __version__
from acsnet.derived import AlgorithmType
from acsnet.io import read_scan, write_label_map
from acsnet.io.series import Series, SeriesFinder
from acsnet.result import Result
from acsnet.server.checks import SCAN_SUFFIXES
from acsnet.server.gate import Gate, Verdict, fingerprint
from acsnet.server.segmentations import write_seg
from acsnet.server.study_links import SERIES_SUFFIX, StudyLinks

SHOWN_TAGS = (
    "Modality",
    "StudyDate",
    "StudyTime",
    "PatientID",
    "PatientName",
    "SeriesDescription",
    "StudyInstanceUID",
    "SeriesInstanceUID",
)
"""What clients and our own pages show of a series."""

DRAFT, REVIEWED = str(DefaultLabelTag.ORIGINAL.value), str(DefaultLabelTag.FINAL.value)
"""MONAI Label's names for what a network drew and for what a reader has saved."""


class StudiesDatastore(LocalDatastore):
    """A MONAI Label datastore over links to the scans in a studies folder.

    studies: the folder with `.nii.gz` and `.nii` files, and DICOM series anywhere below it, each
    an image called by its SeriesInstanceUID. store: the server's own folder for it, with `images/`
    (links, and the scans that clients upload), `series/`, `labels/<tag>/`, `seg/<tag>/` and the
    record file. The studies folder is read again whenever a client asks what there is.
    """

    def __init__(self, *, studies: Path, store: Path) -> None:
        self._change = threading.RLock()
        self._links = StudyLinks(studies, store=store)
        self._links.refresh()
        self._segs = store / "seg"
        self._seg_finder = SeriesFinder(self._segs)
        self._gate = Gate()
        super().__init__(
            str(store),
            images_dir="images",
            extensions=tuple(f"*{suffix}" for suffix in (*SCAN_SUFFIXES, SERIES_SUFFIX)),
            auto_reload=False,
        )

    def refresh(self) -> None:
        """Take up scans that came or went since the last look."""
        with self._change:
            self._links.refresh()
            super().refresh()

    def status(self) -> dict[str, Any]:
        """Counts of scans and labels, as they are now."""
        self.refresh()
        status: dict[str, Any] = super().status()
        return status

    def get_unlabeled_images(
        self, label_tag: str | None = None, labels: list[str] | None = None
    ) -> list[str]:
        """Ids of the scans without a final label, as they are now; none that are refused."""
        self.refresh()
        images: list[str] = super().get_unlabeled_images(label_tag, labels)
        return [image for image in images if self.verdict(image).reason is None]

    def get_image_uri(self, image_id: str) -> str:
        """Path of a scan's file; empty for an id that is not in the store."""
        with self._change:
            return str(super().get_image_uri(image_id))

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """The record of a scan; for a series with its tags, and without a path.

        A client that finds a path opens it by itself, which for a series goes past the geometry
        gate; without one it asks for the image, see `acsnet.server.routes`.
        """
        info: dict[str, Any] = super().get_image_info(image_id)
        series = self._links.scans.get(image_id)
        if series is None or not Path(info.get("path", "")).is_dir():
            return info
        del info["path"]
        tags = {tag: series.text(tag) for tag in SHOWN_TAGS}
        if not series.files:
            tags["SeriesDescription"] = f"damaged files in {self._links.place(series)}"
        return {**info, **tags, "name": f"{image_id}{SCAN_SUFFIXES[0]}"}

    def verdict(self, image_id: str) -> Verdict:
        """Whether a scan can be measured, as far as is known now."""
        return self._gate.verdict(Path(self.get_image_uri(image_id)))

    def series(self) -> list[Series]:
        """All DICOM series found at the last look, and the segmentations made from them."""
        return [*self._links.found, *self._seg_finder.find()]

    def close(self) -> None:
        """Stop looking at scans."""
        self._gate.close()

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Take a client's scan into the server's own folder; an id in use must be the same scan.

        Raises FileExistsError where the id already names another scan, InputError or
        GeometryError for a file that is no scan.
        """
        scan = read_scan(image_filename)
        with self._change:
            if present := self.get_image_uri(image_id):
                known = read_scan(present)
                if known.pixels.shape != scan.pixels.shape or not (
                    np.array_equal(known.pixels, scan.pixels)
                    and np.allclose(known.grid.affine, scan.grid.affine, atol=1e-3)
                ):
                    msg = f"there is already another image called {image_id!r}: rename this one"
                    raise FileExistsError(msg)
                return image_id
            return str(super().add_image(image_id, image_filename, image_info))

    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]
    ) -> str:
        """Keep a label map under `labels/<tag>/`; it replaces the one before.

        Its record says which state of the scan it was drawn on. Of a series, a draft and a
        reviewed label map are written as DICOM SEG, too.
        """
        with self._change:
            path = Path(self.get_image_uri(image_id))
            info = {**label_info, "scan": fingerprint(path)}
            if path.is_dir() and label_tag in (DRAFT, REVIEWED):
                info["seg_refused"] = self._write_seg(
                    image_id, Path(label_filename), label_tag, info
                )
            return str(super().save_label(image_id, label_filename, label_tag, info))

    def keep_draft(self, image_id: str, result: Result) -> None:
        """Keep what the networks drew: shown to readers, and never counted as a label."""
        info = {"features": result.features_dict(), "user": f"ACSNet {__version__}"}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"draft{SCAN_SUFFIXES[0]}"
            write_label_map(path, result.label_map(), result.scan.grid)
            self.save_label(image_id, str(path), DRAFT, info)

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Remove a label map, its record and its DICOM SEG."""
        with self._change:
            super().remove_label(label_id, label_tag)
            self.seg_file(label_id, label_tag).unlink(missing_ok=True)

    def seg_file(self, image_id: str, label_tag: str) -> Path:
        """Where the DICOM SEG of a label map is, if there is one."""
        return self._segs / label_tag / f"{image_id}.dcm"

    def _write_seg(
        self, image_id: str, labels: Path, label_tag: str, info: dict[str, Any]
    ) -> str | None:
        drawn_by_network = DRAFT in self.get_labels_by_image_id(image_id)
        by_hand: AlgorithmType = "SEMIAUTOMATIC" if drawn_by_network else "MANUAL"
        return write_seg(
            self.seg_file(image_id, label_tag),
            series=Path(self.get_image_uri(image_id)),
            labels=labels,
            state="draft" if label_tag == DRAFT else "reviewed",
            algorithm_type="AUTOMATIC" if label_tag == DRAFT else by_hand,
            creator=str(info.get("user") or "unknown"),
        )
