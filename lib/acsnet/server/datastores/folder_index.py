"""MONAI Label's record of a folder's images and labels, made safe and fast for many of them.

The record, `datastore_v2.json`, holds what the folders themselves do not tell: what was measured of
the model's drafts, and who was offered which scan. All else is found again when it is lost.
"""

import json
import logging
import os
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock
from monailabel.datastore.local import (
    DataModel,
    ImageLabelModel,
    LocalDatastore,
    LocalDatastoreModel,
)

from acsnet.storage import set_aside, write_bytes

logger = logging.getLogger(__name__)

RECORD = "datastore_v2.json"
LISTED = frozenset({"ts", "name"})
"""What is noted of every image; one with no more need not be in the record."""


class FolderIndex(LocalDatastore):
    """MONAI Label's datastore over `images/` and `labels/<tag>/` of a store.

    A record that cannot be read is set aside and made anew from the folders. suffixes: endings of
    the files that are images or labels.
    """

    def __init__(self, store: Path, *, suffixes: Iterable[str]) -> None:
        self._suffixes = tuple(suffixes)
        _check_record(store / RECORD)
        patterns = tuple(f"*{suffix}" for suffix in self._suffixes)
        super().__init__(str(store), images_dir="images", extensions=patterns, auto_reload=False)

    def _reconcile_datastore(self) -> None:
        """Take up what lies in the folders now, in one pass; MONAI Label's own takes minutes."""
        images = Path(self._datastore.image_path())
        labels = {
            entry.name: self._by_id(Path(entry))
            for entry in os.scandir(self._datastore.label_path(None))
            if entry.is_dir()
        }
        before, objects, changed = self._datastore.objects, {}, False
        for image, ext in sorted(self._by_id(images).items()):
            known = before.get(image)
            if known is None or known.image.ext != ext:
                known = ImageLabelModel(image=_listed(images / f"{image}{ext}", ext))
            shown = {tag: names[image] for tag, names in labels.items() if image in names}
            if shown.keys() != known.labels.keys():
                changed = True
                known.labels = {
                    tag: known.labels.get(tag)
                    or _listed(Path(self._datastore.label_path(tag)) / f"{image}{ext}", ext)
                    for tag, ext in shown.items()
                }
            objects[image] = known
        changed |= any(_is_noted(known) for image, known in before.items() if image not in objects)
        self._datastore.objects = objects
        if changed:
            self._update_datastore_file()

    def _update_datastore_file(self, lock: bool = True) -> None:
        """As MONAI Label does, but whole or not at all: it would not start from half a file."""
        with FileLock(self._lock_file) if lock else nullcontext():
            content = self._datastore.model_dump(exclude={"base_path", "objects"})
            content["objects"] = {
                image: known.model_dump()
                for image, known in self._datastore.objects.items()
                if _is_noted(known)
            }
            text = json.dumps(content, default=str)
            write_bytes(Path(self._datastore_config_path), text.encode(), private=True)

    def _by_id(self, folder: Path) -> dict[str, str]:
        """Id -> ending of the files of a folder that are images or labels."""
        found = {}
        for name in (entry.name for entry in os.scandir(folder)):
            ext = next((suffix for suffix in self._suffixes if name.endswith(suffix)), None)
            if ext is not None and not name.startswith("."):
                found[name.removesuffix(ext)] = ext
        return found


def _check_record(record: Path) -> None:
    """Set a record aside that MONAI Label could not start from."""
    try:
        LocalDatastoreModel.model_validate_json(record.read_bytes())
    except FileNotFoundError:
        pass
    except ValueError:
        aside = set_aside(record)
        logger.warning("%s was damaged: it is made anew, and kept as %s", RECORD, aside.name)


def _listed(path: Path, ext: str) -> Any:
    """What is noted of a file that is there: its name, and since when."""
    return DataModel(info={"ts": int(path.lstat().st_mtime), "name": path.name}, ext=ext)


def _is_noted(known: Any) -> bool:
    """Whether the record says more of an image than the folders do."""
    return bool(known.labels) or not known.image.info.keys() <= LISTED
