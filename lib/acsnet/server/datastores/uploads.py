"""Scans that clients send to a server with a studies folder."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from acsnet.annotations.reading_details import DetailsStore
from acsnet.errors import ON_SERVER, AcsnetError, InputError, worded
from acsnet.io import read_scan
from acsnet.scan import ShortAxisScan
from acsnet.server.errors import printable
from acsnet.server.state.paths import DETAILS
from acsnet.server.web.request_checks import SCAN_SUFFIXES, upload_suffix
from acsnet.storage import broken_rule, write_bytes


def check_same_scan(image_id: str, sent: ShortAxisScan, path: Path) -> None:
    """Raises FileExistsError unless the scan of that id has the same pixels and geometry.

    path: its file or folder; one that cannot be read is no fault of what was sent.
    """
    try:
        present = read_scan(path)
    except AcsnetError as error:
        reason = printable(worded(error, ON_SERVER))
        msg = (
            f"there is already an image called {image_id!r}, which cannot be read ({reason}): "
            "rename yours"
        )
        raise FileExistsError(msg) from error
    if not (
        np.array_equal(sent.pixels, present.pixels)
        and np.allclose(sent.grid.affine, present.grid.affine, atol=1e-3)
    ):
        msg = (
            f"there is already another image called {image_id!r}: rename this one; in 3D Slicer, "
            "rename the volume and press the upload button beside it before you submit"
        )
        raise FileExistsError(msg)


def keep_upload(image_id: str, file: Path, *, uploads: Path) -> Path:
    """Copy a scan file into the folder `uploads`, whole or not at all; returns its path there.

    Raises InputError for an id with characters that cannot be seen, and for one that MONAI Label's
    store would cut at the suffix within.
    """
    if rule := broken_rule(image_id, is_new=True):
        msg = f"an upload must have a name {rule}: rename it"
        raise InputError(msg)
    if within := [ending for ending in SCAN_SUFFIXES if ending in image_id]:
        msg = f"the name of an image must not hold {within[0]}, got {image_id!r}"
        raise InputError(msg)
    # A scan that a client calls a segmentation would not be listed under that name.
    suffix = upload_suffix(file.name).replace(".seg.nrrd", ".nrrd")
    path = uploads / f"{image_id}{suffix}"
    write_bytes(path, file.read_bytes(), private=True)
    return path


def drop_upload(image_id: str, uploaded: Mapping[str, Path], *, store: Path) -> None:
    """Remove an upload, and what was entered for it, which is not of the next one of its name.

    uploaded: files of all uploads by id; store: the server's own folder of these studies. Raises
    InputError for a scan that is none of them.
    """
    file = uploaded.get(image_id)
    if file is None:
        msg = f"{image_id!r} was not uploaded: scans of the studies folder stay there"
        raise InputError(msg)
    file.unlink(missing_ok=True)
    DetailsStore(store / DETAILS).remove(image_id)
