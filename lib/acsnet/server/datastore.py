"""Scans of a studies folder that is never written to, with labels and records kept beside it."""

import json
import logging
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from filelock import FileLock
from monailabel.datastore.local import DataModel, LocalDatastore
from monailabel.interfaces.exception import ImageNotFoundException
from numpy.typing import NDArray

from acsnet import __version__
from acsnet.derived import AlgorithmType
from acsnet.errors import InputError
from acsnet.io import read_scan, write_label_map
from acsnet.io.series import Series, SeriesFinder
from acsnet.loop.files import put
from acsnet.loop.requests import Reviewed
from acsnet.loop.versions import Version, VersionStore, by_author
from acsnet.result import Result
from acsnet.server.checks import HEADER_SUFFIXES, SCAN_SUFFIXES, upload_suffix
from acsnet.server.gate import Gate, Verdict, fingerprint
from acsnet.server.label_records import DRAFT, DRAWN, REVIEWED, held, record_of
from acsnet.server.login.person import logged_in
from acsnet.server.saving import author_of, state_of
from acsnet.server.segmentations import write_seg
from acsnet.server.state import VERSIONS, private_folder
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

VOLUME_SUFFIXES = (*(one for one in SCAN_SUFFIXES if one != ".seg.nrrd"), *HEADER_SUFFIXES)

SCORES = "scores.jsonl"
"""The file of the store with the history of scores."""

logger = logging.getLogger(__name__)


class StudiesDatastore(LocalDatastore):
    """A MONAI Label datastore over links to the scans in a studies folder.

    studies: the folder with `.nii.gz` and `.nii` files, and DICOM series anywhere below it, each
    an image called by its SeriesInstanceUID. store: the server's own folder for it, with `images/`
    (links, and the scans that clients upload), `series/`, `versions/` (all that people ever saved),
    `labels/<tag>/` (what holds now), `seg/<tag>/` and the record file. The studies folder is read
    again whenever a client asks what there is.
    """

    def __init__(self, *, studies: Path, store: Path) -> None:
        self._change = threading.RLock()
        self._links = StudyLinks(studies, store=store)
        self._links.refresh()
        self.scores = store / SCORES
        self._segs = store / "seg"
        self._seg_finder = SeriesFinder(self._segs)
        self._gate = Gate()
        self._versions = VersionStore(store / VERSIONS)
        super().__init__(
            str(store),
            images_dir="images",
            extensions=tuple(f"*{one}" for one in (*VOLUME_SUFFIXES, SERIES_SUFFIX)),
            auto_reload=False,
        )
        self._show_all()

    def refresh(self) -> None:
        """Take up scans that came or went since the last look."""
        with self._change:
            self._links.refresh()
            super().refresh()
            self._show_all()

    def status(self) -> dict[str, Any]:
        """Counts of scans and labels, as they are now."""
        self.refresh()
        status: dict[str, Any] = super().status()
        return status

    def get_unlabeled_images(
        self, label_tag: str | None = None, labels: list[str] | None = None
    ) -> list[str]:
        """Ids of the scans that wait for a person: none that are refused, cine or long-axis."""
        self.refresh()
        images: list[str] = super().get_unlabeled_images(label_tag, labels)
        return [
            image
            for image in images
            if DRAWN not in self.get_labels_by_image_id(image) and self.verdict(image).is_offered
        ]

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
        if logged_in() is not None:  # from elsewhere: a path of this machine is none of theirs
            info.pop("path", None)
        if str(info.get("path", "")).endswith(HEADER_SUFFIXES):  # half of a scan
            info.pop("path", None)
            info["name"] = f"{image_id}{SCAN_SUFFIXES[0]}"
        series = self._links.scans.get(image_id)
        if series is None or not Path(self.get_image_uri(image_id)).is_dir():
            return info
        info.pop("path", None)
        tags = {tag: series.text(tag) for tag in SHOWN_TAGS}
        if series.kind is not None:
            tags["SeriesDescription"] = f"{tags['SeriesDescription']} ({series.kind})".strip()
        if not series.files:
            tags["SeriesDescription"] = f"damaged files in {self._links.place(series)}"
        return {**info, **tags, "name": f"{image_id}{SCAN_SUFFIXES[0]}"}

    def image_fingerprint(self, image_id: str) -> str:
        """What changes when the files of a scan do; empty where they cannot be read."""
        try:
            return fingerprint(Path(self.get_image_uri(image_id)))
        except OSError:
            return ""

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
            # In place whole or not at all; `refresh` lists what is in place.
            suffix = upload_suffix(image_filename)
            if any(ending in image_id for ending in SCAN_SUFFIXES):
                msg = f"the name of an image must not hold {SCAN_SUFFIXES[-1]}, got {image_id!r}"
                raise InputError(msg)
            put(Path(image_filename).read_bytes(), self._links.images / f"{image_id}{suffix}")
            self.refresh()
            return image_id

    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]
    ) -> str:
        """Keep what a person drew as a new version, or what the networks drew as the draft.

        label_info: see `acsnet.server.saving`; `version` and `model` are put into it. The version
        that holds under each tag is shown under `labels/<tag>/`. Of a series, what the networks
        drew, a person's draft and a reviewed label map are written as DICOM SEG, too.
        """
        with self._change:
            if not (path := self.get_image_uri(image_id)):
                msg = f"there is no image {image_id!r}"
                raise ImageNotFoundException(msg)
            scan = fingerprint(Path(path))
            if label_tag == DRAFT:
                return self._show(
                    image_id, Path(label_filename), DRAFT, {**label_info, "scan": scan}
                )
            drawn_from = self.get_label_info(image_id, DRAFT)
            version = self._versions.add(
                image_id,
                Path(label_filename),
                author=author_of(label_info),
                model=drawn_from.get("model", "") if drawn_from.get("scan") == scan else "",
                scan=scan,
                tag=REVIEWED if label_tag == DRAWN else label_tag,
                features=label_info.get("features"),
                state=state_of(label_info),
            )
            label_info |= {"version": version.id, "model": version.model}
            self._show_versions(self._versions.versions(image_id))
            return image_id

    def keep_draft(self, image_id: str, result: Result, model: str) -> None:
        """Keep what the networks drew: shown to readers, and never counted as a label.

        model: version of the model.
        """
        info = {
            "features": result.features_dict(),
            "user": f"ACSNet {__version__}",
            "model": model,
        }
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"draft{SCAN_SUFFIXES[0]}"
            write_label_map(path, result.label_map(), result.scan.grid)
            self.save_label(image_id, str(path), DRAFT, info)

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        """The record of a label map, with all versions of the image's labels, newest first."""
        info: dict[str, Any] = super().get_label_info(label_id, label_tag)
        versions = self._versions.versions(label_id)
        return {**info, "versions": [record_of(one) for one in versions]} if info else {}

    def versions(self, image_id: str) -> list[dict[str, Any]]:
        """Versions of an image's labels, newest first, as records of labels."""
        return [record_of(version) for version in self._versions.versions(image_id)]

    def review(self, image_id: str, version: str, *, by: str) -> dict[str, Any]:
        """Say that a version is reviewed. Raises InputError for one that is not there."""
        with self._change:
            reviewed = self._versions.mark(image_id, version, "reviewed", by=by)
            self._show_versions(self._versions.versions(image_id))
            return record_of(reviewed)

    def reviewed(self) -> list[Reviewed]:
        """What a network may be trained on: the newest reviewed label of each scan.

        Left out are labels of a scan that has changed since, or that were altered on the disk.
        """
        found = []
        for version in self._versions.reviewed():
            path = self.get_image_uri(version.image)
            try:
                if not path or fingerprint(Path(path)) != version.scan:
                    continue
                label = version.verified()
            except (OSError, InputError) as error:
                logger.warning("a reviewed label is left out: %s", type(error).__name__)
                continue
            patient = str(self.get_image_info(version.image).get("PatientID") or version.image)
            at = 0.0 if version.reviewed is None else version.reviewed.timestamp()
            found.append(
                Reviewed(name=version.image, patient=patient, image=Path(path), label=label, at=at)
            )
        return found

    def datalist(self, full_path: bool = True) -> list[dict[str, Any]]:
        """Images with their reviewed labels."""
        return [{"image": str(one.image), "label": str(one.label)} for one in self.reviewed()]

    def drawn_by(self, image_id: str) -> dict[str, NDArray[np.uint8]]:
        """Author -> the newest label map of theirs on the scan as it is now, on the file's grid."""
        scan = fingerprint(Path(self.get_image_uri(image_id)))
        found = by_author(self._versions.versions(image_id))
        return {
            author: np.asarray(nib.load(version.verified()).dataobj, dtype=np.uint8)
            for author, version in found.items()
            if version.scan == scan
        }

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Take a label out of use; its versions are kept, as withdrawn."""
        with self._change:
            held = super().get_label_info(label_id, label_tag).get("version")
            if held is None:
                self._hide(label_id, label_tag)
                return
            self._versions.mark(label_id, held, "withdrawn", by="")
            self._hide(label_id, label_tag)
            self._show_versions(self._versions.versions(label_id))

    def seg_file(self, image_id: str, label_tag: str) -> Path:
        """Where the DICOM SEG of a label map is, if there is one."""
        return self._segs / label_tag / f"{image_id}.dcm"

    def _show_all(self) -> None:
        """Take up what another process, or a run that was cut short, left to be shown."""
        known = set(self.list_images())
        for versions in self._versions.all():
            if versions[0].image in known:
                self._show_versions(versions)

    def _show_versions(self, versions: Sequence[Version]) -> None:
        """Bring what is shown of one image up to date with its versions, newest first."""
        image = versions[0].image
        wanted = held(versions)
        for tag in self.get_labels_by_image_id(image):
            if tag not in wanted and "version" in super().get_label_info(image, tag):
                self._hide(image, tag)
        for tag, version in wanted.items():
            if super().get_label_info(image, tag).get("version") != version.id:
                info = {**record_of(version), "scan": version.scan}
                self._show(image, version.file, tag, info)

    def _show(self, image: str, labels: Path, tag: str, info: dict[str, Any]) -> str:
        """Show a label map, and its DICOM SEG, under a tag; it replaces the one before."""
        path = Path(self.get_image_uri(image))
        name = f"{image}{SCAN_SUFFIXES[0]}"
        # As MONAI Label does, but in place whole or not at all. Files and record change together
        # for whoever holds the lock, such as a backup.
        with FileLock(self._lock_file):
            if path.is_dir() and tag in (DRAFT, DRAWN, REVIEWED):
                info["seg_refused"] = self._write_seg(image, labels, tag, info)
            folder = private_folder(Path(self._datastore.label_path(tag)))
            put(labels.read_bytes(), folder / name)
            shown = {"ts": int(time.time()), **info, "name": name}
            record = DataModel(info=shown, ext=SCAN_SUFFIXES[0])
            self._datastore.objects[image].labels[tag] = record
            self._update_datastore_file(lock=False)
        return image

    def _hide(self, image: str, tag: str) -> None:
        super().remove_label(image, tag)
        self.seg_file(image, tag).unlink(missing_ok=True)

    def _write_seg(
        self, image_id: str, labels: Path, label_tag: str, info: dict[str, Any]
    ) -> str | None:
        drawn_by_network = DRAFT in self.get_labels_by_image_id(image_id)
        by_hand: AlgorithmType = "SEMIAUTOMATIC" if drawn_by_network else "MANUAL"
        return write_seg(
            self.seg_file(image_id, label_tag),
            series=Path(self.get_image_uri(image_id)),
            labels=labels,
            state="reviewed" if label_tag == REVIEWED else "draft",
            algorithm_type="AUTOMATIC" if label_tag == DRAFT else by_hand,
            creator=str(info.get("user") or "unknown"),
        )

    def _update_datastore_file(self, lock: bool = True) -> None:
        """As MONAI Label does, but whole or not at all: it would not start from half a file."""
        with FileLock(self._lock_file) if lock else nullcontext():
            content = self._datastore.model_dump(exclude={"base_path"})
            path = Path(self._datastore_config_path)
            put(json.dumps(content, indent=2, default=str).encode(), path)
            self._config_ts = path.stat().st_mtime
