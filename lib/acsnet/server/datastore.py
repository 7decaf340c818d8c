"""Scans of a studies folder that is never written to, with labels and records kept beside it."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
from monailabel.datastore.local import LocalDatastore

from acsnet.io import read_scan
from acsnet.server.checks import SCAN_SUFFIXES, is_plain_name
from acsnet.server.state import private_folder


class StudiesDatastore(LocalDatastore):
    """A MONAI Label datastore over links to the scans in a studies folder.

    studies: the folder with `.nii.gz` and `.nii` files; store: the server's own folder for it,
    with `images/` (links, and the scans that clients upload), `labels/<tag>/` and the record
    file. The studies folder is read again whenever a client asks what there is.
    """

    def __init__(self, *, studies: Path, store: Path) -> None:
        self._studies = studies
        self._images = private_folder(private_folder(store) / "images")
        self._change = threading.RLock()
        self._link_scans()
        super().__init__(
            str(store),
            images_dir="images",
            extensions=tuple(f"*{suffix}" for suffix in SCAN_SUFFIXES),
            auto_reload=False,
        )

    def refresh(self) -> None:
        """Take up scans that came or went since the last look."""
        with self._change:
            self._link_scans()
            super().refresh()

    def status(self) -> dict[str, Any]:
        """Counts of scans and labels, as they are now."""
        self.refresh()
        status: dict[str, Any] = super().status()
        return status

    def get_unlabeled_images(
        self, label_tag: str | None = None, labels: list[str] | None = None
    ) -> list[str]:
        """Ids of the scans without a final label, as they are now."""
        self.refresh()
        images: list[str] = super().get_unlabeled_images(label_tag, labels)
        return images

    def get_image_uri(self, image_id: str) -> str:
        """Path of a scan's file; empty for an id that is not in the store."""
        with self._change:
            return str(super().get_image_uri(image_id))

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
        """Keep a label map under `labels/<tag>/`; it replaces the one before."""
        with self._change:
            return str(super().save_label(image_id, label_filename, label_tag, label_info))

    def _link_scans(self) -> None:
        """Make `images/` hold one link for each scan file of the studies folder."""
        found = {
            file.name: file
            for file in self._studies.iterdir()
            if file.name.endswith(SCAN_SUFFIXES) and is_plain_name(file.name)
        }
        for entry in self._images.iterdir():
            if entry.is_symlink() and entry.name not in found:
                entry.unlink()
        for name, file in found.items():
            link = self._images / name
            if not link.exists():
                link.unlink(missing_ok=True)
                link.symlink_to(file)
