"""Send files to a PACS and fetch series from it, for `acsnet push` and `acsnet pull`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from acsnet.errors import InputError, PacsError
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, read_header, text_of
from acsnet.pacs.config import PacsSettings, is_dicomweb, pacs_settings
from acsnet.pacs.dicomweb import DicomWeb, NotStoredError, is_uid
from acsnet.pacs.dicomweb.session import is_of_all
from acsnet.pacs.download import SUFFIX, download_image, image_file
from acsnet.pacs.lge_series import lge_name, possible_stacks
from acsnet.pacs.storescu import peer, read_whole, store_files
from acsnet.storage import make_folder

PULLED_TAGS = ("StudyInstanceUID", "SeriesInstanceUID", "SeriesDescription")

MAX_FAILURES = 5
"""Images of a series that fail one after another before the others are not asked for. Ours."""


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """A series that was fetched.

    images: how many it has in the PACS; fetched: how many of them were not there before; faults: in
    what its folder is not as in the PACS, in sentences.
    """

    description: str
    folder: Path
    images: int
    fetched: int
    faults: tuple[str, ...]


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
    that are LGE by name. Raises InputError if there is none, PacsError as `DicomWeb` does where
    nothing else could be fetched either.
    """
    settings = pacs_settings(source)
    pacs = DicomWeb(settings)
    for header in find_series(keys, pacs=pacs, settings=settings):
        yield _pulled(header, pacs=pacs, output=output)


def _pulled(header: Dataset, *, pacs: DicomWeb, output: Path) -> Pulled:
    """Fetch one series, image by image: one that fails keeps no other from being fetched."""
    with quiet_pydicom():
        study, series, description = (text_of(header, tag) for tag in PULLED_TAGS)
    folder = output / study / series
    faults: list[str] = []
    wanted: list[Path] = []
    with _told_in(faults), quiet_pydicom():
        uids = [text_of(image, "SOPInstanceUID") for image in pacs.headers(study, series)]
        wanted = [image_file(uid, folder) for uid in uids]
        make_folder(folder)
        faults += [
            f"{file} is no longer in the PACS: move it away before the series is read"
            for file in sorted({*folder.glob(f"*{SUFFIX}")} - {*wanted})
            if is_uid(file.stem)
        ]
    missing = [file for file in wanted if not file.exists()]
    fetched = in_a_row = 0
    for index, file in enumerate(missing):
        if in_a_row == MAX_FAILURES:
            rest = (
                f"{MAX_FAILURES} images in a row failed: {len(missing) - index} were not asked for"
            )
            faults.append(rest)
            break
        in_a_row += 1
        with _told_in(faults):
            download_image(pacs, study=study, series=series, uid=file.stem, folder=folder)
            fetched, in_a_row = fetched + 1, 0
    if 0 < fetched < len(wanted) and len(_patients(filter(Path.exists, wanted))) > 1:
        faults.append(
            f"{folder} holds images of more than one PatientID, as the PACS corrected it: move the "
            "folder away and pull again"
        )
    return Pulled(
        description=description,
        folder=folder,
        images=len(wanted),
        fetched=fetched,
        faults=tuple(faults),
    )


@contextmanager
def _told_in(faults: list[str]) -> Iterator[None]:
    """Add to `faults` what fails for what was asked for alone; the rest is raised."""
    try:
        yield
    except InputError as error:
        faults.append(str(error))
    except PacsError as error:
        if is_of_all(error.__cause__):
            raise
        faults.append(str(error))


def _patients(files: Iterable[Path]) -> set[str]:
    """PatientIDs in files; one that is damaged tells none."""
    patients = set()
    for file in files:
        with quiet_pydicom(), suppress(InputError):
            known, _ = read_header(file, file.name)
            if known is not None:
                patients.add(known.text("PatientID"))
    return patients


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
