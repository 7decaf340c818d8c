"""Slices of a scan that a viewer had no images of when somebody drew on the others.

A viewer may have one series of a scan that lies in several. What it sends says nothing of the other
slices, so that these stay as they are in the version which the drawing began from.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from acsnet.io.client_labels import read_client_labels
from acsnet.io.dicom_files.dicom_file import text_of
from acsnet.io.dicom_files.folder import headers_at
from acsnet.scan import ShortAxisScan
from acsnet.server.corrections.frame_labels import Runs, instance_uids, to_frames
from acsnet.server.datastores.protocol import LabelRecord, StudyStore

GONE = "the one that this was drawn from was drawn anew since, or no longer counts"


def with_unseen(
    store: StudyStore,
    image: str,
    scan: ShortAxisScan,
    frames: Mapping[str, Runs],
    *,
    viewer_images: Collection[str] | None,
    version: str,
    saved: str = "",
) -> tuple[Mapping[str, Runs], tuple[str, ...]]:
    """What is drawn on all slices of a scan, where a viewer had images of some.

    Args:
        store: where the scan is.
        image: its id.
        scan: as read from DICOM, with an image for each slice.
        frames: what the viewer sent.
        viewer_images: SOPInstanceUIDs of those that it had. None for a viewer of an earlier
            release, which had the images of one series: of a scan in several, those that are drawn
            on.
        version: id or tag of the label map that the drawing began from; empty for none.
        saved: when that was saved, as its record says; empty where the viewer does not.

    Returns:
        The frames of all slices, and a warning where there are slices that were not seen, which
        says where they are not of the label map that the drawing began from.

    Raises:
        AcsnetError: the label map that the drawing began from cannot be read.
    """
    slices = instance_uids(scan)
    if viewer_images is None:
        headers = headers_at(Path(store.get_image_uri(image)))
        series = {text_of(header, "SeriesInstanceUID") for header in headers}
        viewer_images = frames if len(series) > 1 else slices
    unseen = [uid for uid in slices if uid not in viewer_images and uid not in frames]
    if not unseen:
        return frames, ()
    numbers = ", ".join(str(slices.index(uid) + 1) for uid in unseen)
    what = f"slice {numbers} of {len(slices)} could not be seen where this was drawn and is"
    before, is_named = _began_from(store.label_records(image), version, saved=saved)
    if before is None:
        return frames, (f"{what} empty{'' if is_named else f': {GONE}'}",)
    file = Path(store.version_uri(image, before))
    kept = to_frames(scan, read_client_labels(file, grid=scan.grid))
    whole = {**frames, **{uid: kept[uid] for uid in unseen if uid in kept}}
    kept_from = f"{what} kept from the label map by {before.author or 'unknown'}"
    return whole, (kept_from if is_named else f"{kept_from}: {GONE}",)


def _began_from(
    records: Sequence[LabelRecord], version: str, *, saved: str
) -> tuple[LabelRecord | None, bool]:
    """The label map that a drawing began from, else the newest, and whether it is the former.

    None where nothing is drawn on the scan as it is. A tag may name another label map by now.
    """
    current = [record for record in records if record.current] if version else []
    named = next((record for record in current if version in (record.id, record.tag)), None)
    if named is not None:
        return named, version == named.id or saved in ("", named.moment)
    return next((record for record in current if record.tag), None), not version
