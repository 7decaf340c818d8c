"""MONAI Label's record of a folder's images and labels, made safe and fast for many of them.

Each image has a record of its own, `records/<digest>.json`, and only where there is something to
note that the folders themselves do not tell: what was measured of the model's draft, and who was
offered the scan. All else is found again when it is lost.
"""

import json
import logging
import os
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monailabel.datastore.local import (
    DataModel,
    ImageLabelModel,
    LocalDatastore,
    LocalDatastoreModel,
)

from acsnet.server.datastores.label_records import REVIEWED, is_drawn_on
from acsnet.server.state.paths import RECORDS, private_folder
from acsnet.storage import private_name, set_aside, sha256_of, write_bytes

logger = logging.getLogger(__name__)

LISTED = frozenset({"ts", "name"})
"""What is noted of every image; one with no more need not have a record."""


class FolderIndex(LocalDatastore):
    """MONAI Label's datastore over `images/` and `labels/<tag>/` of a store.

    A record that cannot be read is set aside and made anew from the folders. suffixes: endings of
    the files that are images or labels.
    """

    def __init__(self, store: Path, *, suffixes: Iterable[str]) -> None:
        self._suffixes = tuple(suffixes)
        self._records = private_folder(store / RECORDS)
        patterns = tuple(f"*{suffix}" for suffix in self._suffixes)
        super().__init__(str(store), images_dir="images", extensions=patterns, auto_reload=False)

    @abstractmethod
    def _drawn_state(self, image_id: str) -> str:
        """The state of its files that labels of the scan as it is name."""

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        """Tags of the label maps of the scan as it is, each with the id of the label."""
        noted = self._noted(image_id)
        state = self._drawn_state(image_id) if noted else ""
        return {tag: image_id for tag, info in noted.items() if is_drawn_on(info, state)}

    def get_labeled_images(
        self, label_tag: str | None = None, labels: list[str] | None = None
    ) -> list[str]:
        """Ids of the scans with a label map of the scan as it is, by default a final one."""
        tag = label_tag or REVIEWED
        return [image for image in self.list_images() if tag in self.get_labels_by_image_id(image)]

    def status(self) -> dict[str, Any]:
        """Counts of scans and labels of the scans as they are."""
        images = self.list_images()
        tags = Counter(tag for image in images for tag in self.get_labels_by_image_id(image))
        return {"total": len(images), "completed": tags[REVIEWED], "label_tags": dict(tags)}

    def _noted(self, image_id: str) -> dict[str, dict[str, Any]]:
        """Tag -> what is noted of each label map that lies there, of an earlier scan, too."""
        known = self._datastore.objects.get(image_id)
        return {} if known is None else {tag: of.info for tag, of in dict(known.labels).items()}

    def _has_record_beside(self, images: Iterable[str]) -> bool:
        """Whether there is a record of any other image, be that there now or not."""
        theirs = {self._record_file(image) for image in images}
        return any(file not in theirs for file in self._records.glob("*.json"))

    def _is_label_whole(self, image: str, tag: str) -> bool:
        """Whether a label map is as its record says; as of `_is_seg_whole`."""
        digest = self._noted(image).get(tag, {}).get("sha256")
        return digest is None or sha256_of(Path(super().get_label_uri(image, tag))) == digest

    def _reconcile_datastore(self) -> None:
        """Take up what lies in the folders now, in one pass; MONAI Label's own takes minutes."""
        images = Path(self._datastore.image_path())
        labels = {
            entry.name: self._by_id(Path(entry))
            for entry in os.scandir(self._datastore.label_path(None))
            if entry.is_dir()
        }
        before, objects, changed = self._datastore.objects, {}, []
        for image, ext in sorted(self._by_id(images).items()):
            known = before.get(image) or self._kept_record(image)
            if known is None or known.image.ext != ext:
                labels_before = {} if known is None else known.labels
                image_now = _listed(images / f"{image}{ext}", ext)
                known = ImageLabelModel(image=image_now, labels=labels_before)
            shown = {tag: names[image] for tag, names in labels.items() if image in names}
            if shown.keys() != known.labels.keys():
                changed.append(image)
                known.labels = {
                    tag: known.labels.get(tag)
                    or _listed(Path(self._datastore.label_path(tag)) / f"{image}{ext}", ext)
                    for tag, ext in shown.items()
                }
            objects[image] = known
        self._datastore.objects = objects
        for image in changed:
            self._keep_record(image)

    def _keep_record(self, image: str) -> None:
        """Write what is noted of an image, whole or not at all; remove it where nothing is."""
        file = self._record_file(image)
        known = self._datastore.objects[image]
        if not _is_noted(known):
            file.unlink(missing_ok=True)
            return
        text = json.dumps({"id": image, **known.model_dump()}, default=str)
        write_bytes(file, text.encode(), private=True)

    def _kept_record(self, image: str) -> Any:
        """The record of an image that was gone and is there again, or another in its place.

        It tells of which scan the labels are that still lie there. None where there is none.
        """
        file = self._record_file(image)
        known = _read_record(file) if file.is_file() else None
        return None if known is None else known[1]

    def _init_from_datastore_file(self, throw_exception: bool = False) -> None:
        """Read the records, in the place of MONAI Label's one file."""
        self._take_over(Path(self._datastore_config_path))
        objects = self._datastore.objects
        for entry in os.scandir(self._records):
            if entry.name.endswith(".json") and (known := _read_record(Path(entry))):
                image, record = known
                objects[image] = record

    def _update_datastore_file(self, lock: bool = True) -> None:
        """Nothing: what changes is written by `_keep_record`, image by image."""

    def _take_over(self, earlier: Path) -> None:
        """Make records of the one file of an earlier version, and remove it once they are kept."""
        try:
            objects = LocalDatastoreModel.model_validate_json(earlier.read_bytes()).objects
        except FileNotFoundError:
            return
        except ValueError:
            _set_aside(earlier)
            return
        self._datastore.objects = objects
        for image in objects:
            self._keep_record(image)
        earlier.unlink()

    def _record_file(self, image: str) -> Path:
        """Named by a digest: an image id may be any text."""
        return self._records / f"{private_name(image)}.json"

    def _by_id(self, folder: Path) -> dict[str, str]:
        """Id -> ending of the files of a folder that are images or labels."""
        endings = {}
        for name in (entry.name for entry in os.scandir(folder)):
            ext = next((suffix for suffix in self._suffixes if name.endswith(suffix)), None)
            if ext is not None and not name.startswith("."):
                endings[name.removesuffix(ext)] = ext
        return endings


def _read_record(file: Path) -> tuple[str, Any] | None:
    """Id and record of an image; None for a file that is damaged, which is set aside."""
    try:
        record = json.loads(file.read_bytes())
        return record.pop("id"), ImageLabelModel.model_validate(record)
    except (ValueError, KeyError, TypeError, AttributeError):
        _set_aside(file)
        return None


def _set_aside(record: Path) -> None:
    """Set a record aside that cannot be read."""
    aside = set_aside(record)
    logger.warning("%s was damaged: it is made anew, and kept as %s", record.name, aside.name)


def _listed(path: Path, ext: str) -> Any:
    """What is noted of a file that is there: its name, and since when."""
    return DataModel(info={"ts": int(path.lstat().st_mtime), "name": path.name}, ext=ext)


def _is_noted(known: Any) -> bool:
    """Whether the record says more of an image than the folders do."""
    return bool(known.labels) or not known.image.info.keys() <= LISTED
