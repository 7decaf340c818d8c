"""Links to the scans of a studies folder, in the layout that MONAI Label's local store reads."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from acsnet.io.series import Series, SeriesFinder, image_id
from acsnet.server.state.paths import private_folder
from acsnet.server.web.request_checks import SCAN_SUFFIXES
from acsnet.storage import is_plain_name, writing_folder

SERIES_SUFFIX = ".series"
"""Ends the name of the link to a series among the images, as `.nii.gz` ends a scan file's."""

UPLOADED = " (upload)"
"""Ends the id of an upload whose name a scan of the studies folder has."""


class StudyLinks:
    """Keeps `images/` and `series/` in the store like the studies folder, which is only read.

    `images/` holds a link for each scan file at the top of the studies folder and for each DICOM
    series anywhere below it. `series/<id>/` holds links to the files of one series and nothing
    else, for the reader takes a folder. `uploads/` holds the scans that clients sent: each has a
    link, too, under its own name as long as the studies folder has no scan of that name, and else
    under that name with `UPLOADED`. So no upload ever stands in the place of a patient.
    """

    def __init__(self, studies: Path, *, store: Path) -> None:
        self._studies = studies
        self.images = private_folder(private_folder(store) / "images")
        self._folders = private_folder(store / "series")
        self.uploads = private_folder(store / "uploads")
        self._finder = SeriesFinder(studies)
        self.found: list[Series] = []
        self.scans: Mapping[str, Series] = {}
        self.uploaded: Mapping[str, Path] = {}

    def refresh(self) -> None:
        """Look again.

        `found` is every series, `scans` those that may be scans and `uploaded` what clients sent,
        by image id.
        """
        self.found = self._finder.find()
        by_id = {
            image_id(series, self._studies): series for series in self.found if series.has_images
        }
        self.scans = {name: series for name, series in by_id.items() if is_plain_name(name)}
        links = {
            file.name: file
            for file in self._studies.iterdir()
            if file.name.endswith(SCAN_SUFFIXES)
            and is_plain_name(file.name)
            and file.is_file()
            and file.name.removesuffix(".gz").removesuffix(".nii") not in self.scans
        }
        for folder in self._folders.iterdir():
            if folder.name not in self.scans:
                shutil.rmtree(folder)
        for name, series in self.scans.items():
            self._link_series(series, self._folders / name)
            links[f"{name}{SERIES_SUFFIX}"] = self._folders / name
        for entry in self.images.iterdir():
            if not entry.is_symlink() and entry.is_file() and is_plain_name(entry.name):
                entry.rename(self.uploads / entry.name)  # where earlier versions kept uploads
        self.uploaded = self._free_names({_id(name) for name in links})
        links |= {f"{name}{_ending(file.name)}": file for name, file in self.uploaded.items()}
        for entry in self.images.iterdir():
            if entry.is_symlink() and entry.name not in links:
                entry.unlink()
        for name, target in links.items():
            link = self.images / name
            if not link.exists() or link.readlink() != target:
                link.unlink(missing_ok=True)
                link.symlink_to(target)

    def _free_names(self, taken: set[str]) -> dict[str, Path]:
        """The uploads by the id under which each is shown; one for which none is free is not."""
        shown: dict[str, Path] = {}
        for file in sorted(self.uploads.iterdir()):
            if not (is_plain_name(file.name) and file.name.endswith(SCAN_SUFFIXES)):
                continue
            own = _id(file.name)
            name = f"{own}{UPLOADED}" if own in taken else own
            if name not in taken and name not in shown:
                shown[name] = file
        return shown

    def place(self, series: Series) -> str:
        """The folder of a series, as its owner knows it."""
        return series.paths[0].parent.relative_to(self._studies).as_posix()

    def _link_series(self, series: Series, folder: Path) -> None:
        names = [path.name for path in series.paths]
        wanted = {
            path.name
            if names.count(path.name) == 1
            else "_".join(path.relative_to(self._studies).parts): path
            for path in series.paths
        }
        if folder.is_dir():
            if {entry.name: entry.readlink() for entry in folder.iterdir()} == wanted:
                return
            shutil.rmtree(folder)
        with writing_folder(folder) as temporary:
            for name, path in wanted.items():
                (temporary / name).symlink_to(path)


def _ending(name: str) -> str:
    return next(suffix for suffix in (*SCAN_SUFFIXES, SERIES_SUFFIX) if name.endswith(suffix))


def _id(name: str) -> str:
    """The image id of a link or of an uploaded file."""
    return name.removesuffix(_ending(name))
