"""Scans of a studies folder that is never written to, with labels and records kept beside it."""

import json
import logging
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from monailabel.datastore.local import DataModel, LocalDatastore
from numpy.typing import NDArray

from acsnet import __version__
from acsnet.annotations.label_versions import Version, VersionStore, by_author
from acsnet.dicom import State
from acsnet.errors import InputError
from acsnet.fine_tuning.training_request import Reviewed
from acsnet.io import read_scan, write_label_map
from acsnet.io.label_map import read_labels
from acsnet.io.series import Series, SeriesFinder
from acsnet.result import Measured
from acsnet.server.datastores.folder_links import SERIES_SUFFIX, StudyLinks
from acsnet.server.datastores.label_intake import accept_file, author_of
from acsnet.server.datastores.label_records import (
    DRAFT,
    DRAWN,
    REVIEWED,
    held,
    record_of_version,
    records_of_folder,
)
from acsnet.server.datastores.preflight import Gate, Verdict, fingerprint
from acsnet.server.datastores.protocol import SCORES, SHOWN_TAGS, LabelRecord
from acsnet.server.datastores.seg_files import write_seg
from acsnet.server.datastores.uploads import check_same_scan, keep_upload
from acsnet.server.identity import logged_in
from acsnet.server.state.paths import VERSIONS, private_folder
from acsnet.server.web.request_checks import SCAN_SUFFIXES
from acsnet.storage import write_bytes

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
            extensions=tuple(f"*{suffix}" for suffix in (*SCAN_SUFFIXES, SERIES_SUFFIX)),
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
        return dict(super().status())

    def get_unlabeled_images(
        self, label_tag: str | None = None, labels: list[str] | None = None
    ) -> list[str]:
        """Ids of the scans that wait for a person, as they are now; none that are refused."""
        self.refresh()
        images: list[str] = super().get_unlabeled_images(label_tag, labels)
        return [
            image
            for image in images
            if DRAWN not in self.get_labels_by_image_id(image)
            and self.verdict(image).reason is None
        ]

    def get_image_uri(self, image_id: str) -> str:
        """Path of a scan's file; empty for an id that is not in the store."""
        with self._change:
            return str(super().get_image_uri(image_id))

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """The record of a scan; for a series with its tags, and without a path.

        A client that finds a path opens it by itself, which for a series goes past the geometry
        gate; without one it asks for the image, see `acsnet.server.routes.labels`.
        """
        info: dict[str, Any] = super().get_image_info(image_id)
        if logged_in() is not None:  # from elsewhere: a path of this machine is none of theirs
            info.pop("path", None)
        series = self._links.scans.get(image_id)
        if series is None or not Path(self.get_image_uri(image_id)).is_dir():
            return info
        info.pop("path", None)
        tags = {tag: series.text(tag) for tag in SHOWN_TAGS}
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
        """All DICOM series of the studies folder, and the segmentations made from them."""
        return [*self._links.series, *self._seg_finder.find()]

    def close(self) -> None:
        """Stop looking at scans."""
        self._gate.close()

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Take a client's scan into the server's own folder; an id in use must be the same scan.

        Raises FileExistsError where the id already names another scan, InputError or
        GeometryError for a file that is no scan.
        """
        file = Path(image_filename)
        scan = read_scan(file)
        with self._change:
            if present := self.get_image_uri(image_id):
                check_same_scan(image_id, scan, read_scan(present))
            else:
                keep_upload(image_id, file, images=self._links.images)
                self.refresh()
        return image_id

    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]
    ) -> str:
        """As `accept_file`: MONAI Label's way in is no other."""
        accept_file(self, image_id, Path(label_filename), tag=label_tag, info=label_info)
        return image_id

    def keep_label(
        self, image_id: str, measured: Measured, *, author: str, state: State, tag: str
    ) -> LabelRecord:
        """Keep what a person drew as a new version, and show what holds now under each tag.

        What holds is a NIfTI file in `labels/<tag>/`, of a series also a DICOM SEG.
        """
        with self._change, _label_file(measured) as file:
            scan = self.image_fingerprint(image_id)
            draft = super().get_label_info(image_id, DRAFT)
            version = self._versions.add(
                image_id,
                file,
                author=author,
                model=draft.get("model", "") if draft.get("scan") == scan else "",
                scan=scan,
                tag=REVIEWED if tag == DRAWN else tag,
                features=measured.features_dict(),
                state=state,
            )
            return self._shown(image_id, version.id)

    def keep_draft(self, image_id: str, measured: Measured, model: str) -> None:
        """Keep what a version of the model drew: shown to readers, and never counted as a label."""
        record = LabelRecord(
            id="",
            tag=DRAFT,
            state="draft",
            author=f"ACSNet {__version__}",
            saved=datetime.now(timezone.utc),
            model=model,
            features=measured.features_dict(),
        )
        with self._change, _label_file(measured) as file:
            self._show(image_id, file, record, scan=self.image_fingerprint(image_id))

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        """As clients get it: the record of a label map, with all versions, newest first."""
        info = super().get_label_info(label_id, label_tag)
        versions = [record.to_info() for record in self.label_records(label_id) if record.id]
        return {**info, "versions": versions} if info else {}

    def label_records(self, image_id: str) -> tuple[LabelRecord, ...]:
        """All label maps of a scan, newest first; of the model only the newest draft is kept."""
        get_info = super().get_label_info
        infos = {tag: get_info(image_id, tag) for tag in self.get_labels_by_image_id(image_id)}
        versions = self._versions.versions(image_id)
        return records_of_folder(infos, versions, scan=self.image_fingerprint(image_id))

    def review(self, image_id: str, version: str, *, by: str) -> LabelRecord:
        """Say that a version is reviewed. Raises InputError for one that is not there."""
        with self._change:
            self._versions.mark(image_id, version, "reviewed", by=by)
            return self._shown(image_id, version)

    def reviewed(self) -> list[Reviewed]:
        """What a network may be trained on: the newest reviewed label of each scan.

        Left out are labels of a scan that has changed since, or that were altered on the disk.
        """
        reviewed = []
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
            reviewed.append(
                Reviewed(name=version.image, patient=patient, image=Path(path), label=label, at=at)
            )
        return reviewed

    def datalist(self, full_path: bool = True) -> list[dict[str, Any]]:
        """Images with their reviewed labels."""
        return [{"image": str(case.image), "label": str(case.label)} for case in self.reviewed()]

    def drawn_by(self, image_id: str) -> dict[str, NDArray[np.uint8]]:
        """Author -> the newest label map of theirs on the scan as it is now, on the file's grid."""
        scan = fingerprint(Path(self.get_image_uri(image_id)))
        newest = by_author(self._versions.versions(image_id))
        return {
            author: read_labels(version.verified())
            for author, version in newest.items()
            if version.scan == scan
        }

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """As `withdraw`, where nobody says who does it."""
        self.withdraw(label_id, label_tag, by=author_of({}))

    def withdraw(self, image_id: str, tag: str, *, by: str) -> None:
        """Take a label out of use; its versions are kept, as withdrawn."""
        with self._change:
            if (version := super().get_label_info(image_id, tag).get("version")) is not None:
                self._versions.mark(image_id, version, "withdrawn", by=by)
            self._hide(image_id, tag)
            if versions := self._versions.versions(image_id):
                self._show_versions(versions)

    def seg_file(self, image_id: str, label_tag: str) -> Path | None:
        """The DICOM SEG of a label map; None where there is none."""
        file = self._seg_path(image_id, label_tag)
        return file if file.is_file() else None

    def _seg_path(self, image_id: str, label_tag: str) -> Path:
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
                record = record_of_version(version, tag=tag)
                self._show(image, version.file, record, scan=version.scan)

    def _shown(self, image: str, version: str) -> LabelRecord:
        """Bring what is shown of an image up to date, and give the record of one version."""
        self._show_versions(self._versions.versions(image))
        return next(record for record in self.label_records(image) if record.id == version)

    def _show(self, image: str, labels: Path, record: LabelRecord, *, scan: str) -> None:
        """Show a label map, and its DICOM SEG, under its tag; it replaces the one before."""
        name, tag = f"{image}{SCAN_SUFFIXES[0]}", record.tag
        info = {**record.to_info(), "scan": scan, "name": name}
        # As MONAI Label does, but in place whole or not at all. Files and record change together
        # for whoever holds the lock, such as a backup.
        with FileLock(self._lock_file):
            if Path(self.get_image_uri(image)).is_dir() and tag in (DRAFT, DRAWN, REVIEWED):
                info["seg_refused"] = write_seg(
                    self._seg_path(image, tag),
                    series=Path(self.get_image_uri(image)),
                    labels=labels,
                    record=record,
                    edited=DRAFT in self.get_labels_by_image_id(image),
                )
            folder = private_folder(Path(self._datastore.label_path(tag)))
            write_bytes(folder / name, labels.read_bytes(), private=True)
            self._datastore.objects[image].labels[tag] = DataModel(info=info, ext=SCAN_SUFFIXES[0])
            self._update_datastore_file(lock=False)

    def _hide(self, image: str, tag: str) -> None:
        super().remove_label(image, tag)
        self._seg_path(image, tag).unlink(missing_ok=True)

    def _update_datastore_file(self, lock: bool = True) -> None:
        """As MONAI Label does, but whole or not at all: it would not start from half a file."""
        with FileLock(self._lock_file) if lock else nullcontext():
            content = self._datastore.model_dump(exclude={"base_path"})
            path = Path(self._datastore_config_path)
            write_bytes(path, json.dumps(content, indent=2, default=str).encode(), private=True)
            self._config_ts = path.stat().st_mtime


@contextmanager
def _label_file(measured: Measured) -> Iterator[Path]:
    """A label map as NIfTI file on the grid of its image, for a while."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"label{SCAN_SUFFIXES[0]}"
        write_label_map(path, measured.label_map(), measured.scan.grid)
        yield path
