"""Download a series from a PACS into a folder, image by image; existing images are kept.

Files are named by SOPInstanceUID and written atomically, so an interrupted download resumes.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from pydicom.dataset import Dataset

from acsnet.dicom.source_images import file_content
from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, text_of
from acsnet.pacs.dicomweb import DicomWeb, is_uid
from acsnet.pacs.storescu import cut_element
from acsnet.storage import make_folder, write_bytes

SUFFIX = ".dcm"


def download_images(pacs: DicomWeb, *, study: str, images: Mapping[str, str], folder: Path) -> int:
    """Download the images that `folder` lacks; returns their number.

    images: SOPInstanceUID -> SeriesInstanceUID. Raises as `download_image` does.
    """
    make_folder(folder)
    missing = [uid for uid in images if not image_file(uid, folder).exists()]
    for uid in missing:
        download_image(pacs, study=study, series=images[uid], uid=uid, folder=folder)
    return len(missing)


def download_image(pacs: DicomWeb, *, study: str, series: str, uid: str, folder: Path) -> None:
    """Download one image, which replaces the one that is there.

    Raises PacsError as `DicomWeb` does, InputError for an image that the PACS has only in part,
    OSError where the folder cannot be written.
    """
    dataset = pacs.instance(study, series, uid)
    if (element := cut_element(dataset)) is not None:
        msg = f"image {uid} is cut short in the PACS: element {element} is not whole"
        raise InputError(msg)
    write_instance(dataset, image_file(uid, folder))


def image_file(uid: str, folder: Path) -> Path:
    """Where the image of a SOPInstanceUID lies in the folder of its series."""
    return folder / f"{uid}{SUFFIX}"


def keep_only(instances: Collection[str], folder: Path) -> None:
    """Remove images that no longer belong to the series, because the reader takes all files."""
    wanted = {f"{uid}{SUFFIX}" for uid in instances}
    for file in folder.glob(f"*{SUFFIX}"):
        if file.name not in wanted:
            file.unlink(missing_ok=True)


def write_instance(dataset: Dataset, path: Path) -> None:
    """Write a dataset as a DICOM file, whole or not at all."""
    with quiet_pydicom():  # to memory: an error of the disk that pydicom meets loses its number
        content = file_content(dataset)
    write_bytes(path, content, private=True)


def archive_path(output: Path, dataset: Dataset) -> Path | None:
    """OUTPUT/<study>/<series>/<instance>.dcm; None if one of the UIDs is invalid."""
    uids = [
        text_of(dataset, tag) for tag in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    ]
    if not all(map(is_uid, uids)):
        return None
    return output / uids[0] / uids[1] / f"{uids[2]}{SUFFIX}"
