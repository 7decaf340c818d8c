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


class StudyLinks:
    """Keeps `images/` and `series/` in the store like the studies folder, which is only read.

    `images/` holds a link for each scan file at the top of the studies folder and for each DICOM
    series anywhere below it. `series/<id>/` holds links to the files of one series and nothing
    else, for the reader takes a folder.
    """

    def __init__(self, studies: Path, *, store: Path) -> None:
        self._studies = studies
        self.images = private_folder(private_folder(store) / "images")
        self._folders = private_folder(store / "series")
        self._finder = SeriesFinder(studies)
        self.series: list[Series] = []
        self.scans: Mapping[str, Series] = {}

    def refresh(self) -> None:
        """Look again: `series` is every series, `scans` those that may be scans, by image id."""
        self.series = self._finder.find()
        by_id = {
            image_id(series, self._studies): series for series in self.series if series.has_images
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
            if entry.is_symlink() and entry.name not in links:
                entry.unlink()
        for name, target in links.items():
            link = self.images / name
            if not link.exists():
                link.unlink(missing_ok=True)
                link.symlink_to(target)

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
