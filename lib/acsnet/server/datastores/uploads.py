"""Scans that clients send to a server with a studies folder."""

from pathlib import Path

import numpy as np

from acsnet.errors import InputError
from acsnet.scan import ShortAxisScan
from acsnet.server.web.request_checks import SCAN_SUFFIXES, upload_suffix
from acsnet.storage import write_bytes


def check_same_scan(image_id: str, sent: ShortAxisScan, present: ShortAxisScan) -> None:
    """Raises FileExistsError where pixels or geometry differ from those of the scan of that id."""
    if not (
        np.array_equal(sent.pixels, present.pixels)
        and np.allclose(sent.grid.affine, present.grid.affine, atol=1e-3)
    ):
        msg = f"there is already another image called {image_id!r}: rename this one"
        raise FileExistsError(msg)


def keep_upload(image_id: str, file: Path, *, uploads: Path) -> Path:
    """Copy a scan file into the folder `uploads`, whole or not at all; returns its path there.

    Raises InputError for an id that MONAI Label's store would cut at the suffix within.
    """
    if within := [ending for ending in SCAN_SUFFIXES if ending in image_id]:
        msg = f"the name of an image must not hold {within[0]}, got {image_id!r}"
        raise InputError(msg)
    path = uploads / f"{image_id}{upload_suffix(file.name)}"
    write_bytes(path, file.read_bytes(), private=True)
    return path
