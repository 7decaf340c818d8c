"""One folder of scans, read by every way in: command line, cohort and served folder."""

import hashlib

import numpy as np

from acsnet.cohort.inputs import list_scans
from acsnet.cohort.outcome import Outcome
from acsnet.cohort.run import is_skipped
from acsnet.io import read_scan
from acsnet.io.inputs import expanded, names_of
from acsnet.server.datastores.folder import StudiesDatastore


def fingerprint(scan):
    """Voxels, place and warnings, without the names that differ by the way in."""
    digest = hashlib.sha256(np.ascontiguousarray(scan.pixels).tobytes())
    digest.update(np.round(scan.grid.stack_to_ras, 3).tobytes())
    return digest.hexdigest(), len(scan.warnings), scan.contrast


def by_command_line(folder):
    paths, _ = expanded([folder])
    names = names_of(paths)
    scans = [read_scan(path) for path in paths]
    called = [names.get(path, scan.name) for path, scan in zip(paths, scans, strict=True)]
    assert len(set(called)) == len(called)
    return scans


def by_cohort(folder):
    found = list_scans(str(folder), output=folder.parent / "out")
    listed = [one for one in found if not is_skipped(one)]
    assert not [one.reason for one in listed if isinstance(one, Outcome)]
    assert len({one.case for one in listed}) == len(listed)
    return [one.read() for one in listed]


def by_server(folder):
    store = StudiesDatastore(studies=folder, store=folder.parent / "store")
    try:
        return [read_scan(store.get_image_uri(image)) for image in store.list_images()]
    finally:
        store.close()
