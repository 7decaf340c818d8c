"""Links to the scans of a studies folder, in the layout that MONAI Label's local store reads."""

import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from acsnet.io.finder import called_by_path, scans_of, stem_of, volume_files
from acsnet.io.series import Series, SeriesFinder, image_id
from acsnet.names import is_plain_name
from acsnet.server.state import private_folder

logger = logging.getLogger(__name__)

SERIES_SUFFIX = ".series"
"""Ends the name of the link to a series among the images, as `.nii.gz` ends a scan file's."""


class StudyLinks:
    """Keeps `images/` and `series/` in the store like the studies folder, which is only read.

    `images/` holds a link for each file with a volume and for each DICOM series anywhere below the
    studies folder. `series/<id>/` holds links to the files of one series and nothing
    else, for the reader takes a folder.
    """

    def __init__(self, studies: Path, *, store: Path) -> None:
        self._studies = studies
        self.images = private_folder(private_folder(store) / "images")
        self._folders = private_folder(store / "series")
        self._finder = SeriesFinder(studies)
        self._remarks: list[str] = []
        self.found: list[Series] = []
        self.scans: Mapping[str, Series] = {}

    def refresh(self) -> None:
        """Look again: `found` is every series, `scans` what of them may be a scan, by image id."""
        self.found = self._finder.find()
        scans = scans_of(self.found)
        by_id = {image_id(one, self._studies): one for one in scans}
        self.scans = {name: one for name, one in by_id.items() if is_plain_name(name)}
        links = self._volume_links()
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

    def _volume_links(self) -> dict[str, Path]:
        """Name of a link -> file with a volume, called by its path below the studies folder."""
        files, remarks = volume_files(self._studies)
        if remarks != self._remarks:
            self._remarks = remarks
            for remark in remarks:
                logger.info("%s", remark)
        links: dict[str, Path] = {}
        taken: set[str] = set()
        for file in files:
            name = called_by_path(file, self._studies)
            if name in self.scans:  # the series in another format
                continue
            suffix = file.name[len(stem_of(file)) :].lower()
            name = f"{name}{suffix.replace('.', '_')}" if name in taken else name
            if is_plain_name(f"{name}{suffix}") and name not in taken:
                taken.add(name)
                links[f"{name}{suffix}"] = file
        return links

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
        temporary = Path(tempfile.mkdtemp(dir=self._folders, prefix="."))
        for name, path in wanted.items():
            (temporary / name).symlink_to(path)
        temporary.rename(folder)
