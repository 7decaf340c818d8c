"""Send files to a PACS and fetch series from it, for `acsnet push` and `acsnet pull`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, text_of
from acsnet.pacs.config import PacsSettings, is_dicomweb, pacs_settings
from acsnet.pacs.dicomweb import DicomWeb, NotStoredError
from acsnet.pacs.download import download_images
from acsnet.pacs.lge_series import lge_name, possible_stacks
from acsnet.pacs.storescu import peer, read_whole, store_files

PULLED_TAGS = ("StudyInstanceUID", "SeriesInstanceUID", "SeriesDescription")


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """A series that was fetched; fetched: number of images that were not there before."""

    description: str
    folder: Path
    images: int
    fetched: int


def push(files: Sequence[Path], *, to: str) -> Iterator[tuple[Path, str | None]]:
    """Store files one after another; yields each with the reason why it was not stored, or None.

    to: http(s)://... of a DICOMweb service, or dicom://AETITLE@HOST:PORT for C-STORE. Raises
    InputError for any other address and PacsError where no further file could be stored.
    """
    if not is_dicomweb(to):
        yield from store_files(files, peer(to))
        return
    pacs = DicomWeb(pacs_settings(to))
    for file in files:
        try:
            pacs.store(read_whole(file))
        except (InputError, NotStoredError) as error:
            yield file, str(error)
        else:
            yield file, None


def pull(keys: Mapping[str, str], *, source: str, output: Path) -> Iterator[Pulled]:
    """Fetch series to OUTPUT/<study>/<series>/, except images that are already there.

    keys: tag -> value to search for. With a SeriesInstanceUID any series is fetched, else those
    that are LGE by name. Raises InputError if there is none, PacsError as `DicomWeb` does.
    """
    settings = pacs_settings(source)
    pacs = DicomWeb(settings)
    for header in find_series(keys, pacs=pacs, settings=settings):
        with quiet_pydicom():
            study, series, description = (text_of(header, tag) for tag in PULLED_TAGS)
        uids = [text_of(image, "SOPInstanceUID") for image in pacs.headers(study, series)]
        folder = output / study / series
        images = dict.fromkeys(uids, series)
        fetched = download_images(pacs, study=study, images=images, folder=folder)
        yield Pulled(description=description, folder=folder, images=len(uids), fetched=fetched)


def find_series(
    keys: Mapping[str, str], *, pacs: DicomWeb, settings: PacsSettings
) -> list[Dataset]:
    """What the search tells of each series that `pull` fetches. Raises as it does."""
    exact = "SeriesInstanceUID" in keys
    wanted = keys if exact else {**settings.search_for("MR"), **keys}
    with quiet_pydicom():
        headers = [
            header
            for header in pacs.search_series(wanted)
            if exact or lge_name(header, settings.lge)
        ]
    if not headers:
        query = ", ".join(f"{tag} {value!r}" for tag, value in keys.items()) or "any patient"
        msg = f"{pacs.address} has no {'series' if exact else 'LGE series'} for {query}"
        raise InputError(msg)
    return headers


def find_scans(*, pacs: DicomWeb, settings: PacsSettings) -> list[list[Dataset]]:
    """All LGE series, those that may be parts of one stack together. Raises as `pull` does."""
    return possible_stacks(find_series({}, pacs=pacs, settings=settings))
