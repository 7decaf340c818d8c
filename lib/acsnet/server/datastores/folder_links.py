"""Links to the scans of a studies folder, in the layout that MONAI Label's local store reads."""

import logging
import os
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from acsnet.annotations.label_versions import VersionStore
from acsnet.io.dicom_stack.phases import PHASE_FILE, phase_of_folder
from acsnet.io.finder import called_by_path, scans_of, volume_files
from acsnet.io.inputs import told_apart
from acsnet.io.series import Series, SeriesFinder, image_id, of_one_uid, patient_of
from acsnet.io.volume import stem_of
from acsnet.server.datastores.preflight import Verdict
from acsnet.server.state.paths import VERSIONS, private_folder
from acsnet.server.web.request_checks import HEADER_SUFFIXES, SCAN_SUFFIXES
from acsnet.storage import (
    broken_rule,
    is_plain_name,
    put_in_place,
    readable_name,
    shortened,
    write_bytes,
    writing_folder,
)

logger = logging.getLogger(__name__)

SERIES_SUFFIX = ".series"
"""Ends the name of the link to a series among the images, as `.nii.gz` ends a scan file's."""

SKIPPED = "skipped.txt"
"""In the store: what of the studies is left out, and label maps without a scan, a line each."""

UPLOADED = " (upload)"
"""Ends the id of an upload whose name a scan of the studies folder has or had."""

UPLOAD_REMARK = "a client uploaded this scan: it is not from the studies folder"

RENAMED_REMARK = (
    "the studies folder has or had a scan called {name!r}, too: label maps that were saved on this "
    "upload before that came are listed there"
)
"""name: that of the uploaded file."""

MAX_LINK = 255
"""Bytes of the name of a link: what a file system takes as one name."""

MAX_VISITS = 10
"""Scans in files that one patient has at most: a folder with more holds those of several. Ours."""

CONTAINER = re.compile(
    r"nii|nifti|images?(tr|ts)?|scans?|data|raw(data)?|lge|cine|mri?|anat|studies|nrrd|mha",
    re.IGNORECASE,
)
"""Names of folders with the files of several patients, or of one of their kinds."""


class StudyLinks:
    """Keeps `images/` and `series/` in the store like the studies folder, which is only read.

    `images/` holds a link for each file with a volume and for each DICOM series anywhere below the
    studies folder, called by their paths, and by `readable_name` where these are not UTF-8.
    `series/<id>/` holds links to the files of one series and nothing else, for the reader takes a
    folder. `uploads/` holds the scans that clients sent: each has a link, too, under its own name
    as long as the studies folder has no scan of that name, and else under that name with
    `UPLOADED`. So no upload ever stands in the place of a patient.

    change: what is held while `images/` and `uploads/` change.
    """

    def __init__(
        self, studies: Path, *, store: Path, change: AbstractContextManager[object]
    ) -> None:
        self._change = change
        self._versions = VersionStore(store / VERSIONS)
        self._studies = studies.resolve()
        self.images = private_folder(private_folder(store) / "images")
        self._folders = private_folder(store / "series").resolve()
        self.uploads = private_folder(store / "uploads").resolve()
        self._finder = SeriesFinder(self._studies)
        self._found: Sequence[Series] = ()
        self._scans_found: Sequence[Series] = ()
        self._skipped = store / SKIPPED
        self._remarks: list[str] | None = None
        self._faults: Mapping[str, str] = {}
        self.series: list[Series] = []
        self.scans: Mapping[str, Series] = {}
        self.uploaded: Mapping[str, Path] = {}
        self._places: Mapping[str, str] = {}
        self._volumes: Mapping[str, Path] = {}
        self._visits: Counter[Path] = Counter()

    def refresh(self) -> None:
        """Look again.

        `series` is every series, `scans` those that may be scans and `uploaded` what clients sent,
        by image id. What is left out, and the ids under which label maps were saved and no scan
        is, are listed in `SKIPPED` of the store.
        """
        all_series = self._finder.find()
        if all_series is not self._found:  # of thousands of images it takes seconds
            self._found, self._scans_found = all_series, scans_of(all_series)
        scans, unnamed = self._named(self._scans_found)
        links, places, remarks = self._scan_files(scans)
        faults = {}
        volumes = {_id(name): Path(file) for name, file in links.items()}
        for folder in self._folders.iterdir():
            if folder.name not in scans:
                shutil.rmtree(folder)
        for name, series in scans.items():
            try:
                self._link_series(series, self._folders / name)
            except OSError as error:
                faults[name] = f"its files cannot be linked to: {error.strerror or error}"
                if faults[name] != self._faults.get(name):
                    logger.warning("a series is refused: %s", faults[name])
            place = str(self._folders / name)
            links[f"{name}{SERIES_SUFFIX}"] = places[f"{name}{SERIES_SUFFIX}"] = place
        visits = Counter(folder for file in volumes.values() for folder in file.parents)
        with self._change:
            for entry in self.images.iterdir():
                if not entry.is_symlink() and entry.is_file() and is_plain_name(entry.name):
                    self._move_upload(entry)  # where earlier versions kept uploads
            uploaded = self._uploads_by_id({_id(name) for name in links})
            for image, file in uploaded.items():
                name = f"{image}{_ending(file.name)}"
                links[name] = places[name] = str(file)
            self._link(links)
            self.series, self.scans, self._volumes = of_one_uid(all_series), scans, volumes
            self.uploaded, self._places, self._visits = uploaded, places, visits
            self._faults = faults
        without_scan = self._labels_without_scan({*scans, *volumes, *self.uploaded})
        self._say([*unnamed, *remarks], without_scan)

    def add_upload(self, file: Path) -> None:
        """Show a new file of `uploads/`, whose name no image has, without a look at the rest.

        Call it with the change held in which the file came there.
        """
        (self.images / file.name).symlink_to(file)
        self._places = {**self._places, file.name: str(file)}
        self.uploaded = {**self.uploaded, _id(file.name): file}

    def judged(self, image: str, verdict: Verdict) -> Verdict:
        """A verdict on a scan with what is known of its links: it has none, or is an upload."""
        if (fault := self._faults.get(image)) is not None:
            return Verdict(reason=fault)
        if image in self.uploaded:
            name = _id(self.uploaded[image].name)
            remarks = (RENAMED_REMARK.format(name=name),) if name != image else ()
            return replace(verdict, warnings=(UPLOAD_REMARK, *remarks, *verdict.warnings))
        if image in self.scans:
            return replace(verdict, warnings=(*self.scans[image].remarks, *verdict.warnings))
        return verdict

    def path(self, name: str) -> str:
        """Where the scan is to which an entry of `images/` leads."""
        return self._places.get(name) or os.path.realpath(self.images / name)

    def _uploads_by_id(self, taken: Set[str]) -> dict[str, Path]:
        """The uploads by the id under which each is shown.

        taken: ids of the scans of the studies folder. What a reader saved under a name with
        `UPLOADED` stays reachable: the upload keeps it, also where its own is free again.
        """
        by_id: dict[str, Path] = {}
        for file in sorted(self.uploads.iterdir()):  # one called so by itself before the other
            if not _is_scan_file(file.name):
                continue
            image = name = _id(file.name)
            while name == image or name in taken or name in by_id:
                name = shortened(f"{name}{UPLOADED}")
            is_renamed = image in taken or image in by_id or self._versions.has_any(name)
            by_id[name if is_renamed else image] = file
        return by_id

    def _move_upload(self, file: Path) -> None:
        """Put an upload where uploads are now, under a new name where one has its own there."""
        target = self.uploads / file.name
        if target.exists():
            target = self.uploads / f"{secrets.token_hex(4)}-{file.name}"
        put_in_place(file, target)

    def place(self, series: Series) -> str:
        """The folder of a series, as its owner knows it."""
        folder = series.paths[0].parent.relative_to(self._studies)
        return readable_name(folder.as_posix())

    def patient(self, image: str) -> str:
        """Whose a scan is.

        `patient_of` a series. Of a file the first folder of a patient on the way to it from the
        studies folder, which holds all visits: one that is not called like a kind of files, and
        does not hold more scans than `MAX_VISITS`. Else, and of an upload, nobody knows, and it is
        the scan itself.
        """
        if (series := self.scans.get(image)) is not None:
            return patient_of(series) or image
        file = self._volumes.get(image)
        folders = () if file is None else file.relative_to(self._studies).parents[:-1]
        for folder in reversed(folders):
            visits = self._visits[self._studies / folder]
            if visits <= MAX_VISITS and not CONTAINER.fullmatch(folder.name):
                return readable_name(folder.as_posix())
        return image

    def study(self, image: str) -> str:
        """StudyInstanceUID of a series; empty without one, and of a file."""
        series = self.scans.get(image)
        return "" if series is None else series.text("StudyInstanceUID")

    def _named(self, all_scans: Sequence[Series]) -> tuple[dict[str, Series], list[str]]:
        """Image id -> series, and which are left out for what their id is."""
        by_id = {image_id(series, self._studies): series for series in all_scans}
        remarks = [
            f"{self.place(series)} was skipped: SeriesInstanceUID must be a name {rule}: {name!r}"
            for name, series in by_id.items()
            if (rule := broken_rule(name))
        ]
        return {name: of for name, of in by_id.items() if is_plain_name(name)}, remarks

    def _labels_without_scan(self, images: Set[str]) -> list[str]:
        """What is told of label maps whose scan is not among images any more.

        It may be away, or be a part of another one now.
        """
        counts = {
            versions[0].image: sum(version.state != "withdrawn" for version in versions)
            for versions in self._versions.all(but=images)
        }
        return [
            f"{image} is no scan any more: its saved label maps ({count}) are kept and not used"
            for image, count in counts.items()
            if count
        ]

    def _say(self, left_out: list[str], without_scan: list[str]) -> None:
        """List what is left out or has lost its scan, once; not in the log: paths name patients."""
        remarks = [*left_out, *without_scan]
        if remarks == self._remarks:
            return
        if remarks or self._skipped.exists():
            text = "".join(f"{remark}\n" for remark in remarks)
            write_bytes(self._skipped, text.encode(errors="replace"), private=True)
        self._remarks = remarks
        if left_out:
            logger.info("%d files or folders are skipped: see %s", len(left_out), self._skipped)
        if without_scan:
            logger.warning(
                "%d ids with label maps, no scans: see %s", len(without_scan), self._skipped
            )

    def _scan_files(
        self, scans: Mapping[str, Series]
    ) -> tuple[dict[str, str], dict[str, str], list[str]]:
        """Names of links -> files with a volume, called by their paths, and where they are.

        And which are left out.
        """
        volumes, remarks = volume_files(self._studies)
        files, places = {}, {}
        names = {file: called_by_path(file, self._studies) for file in volumes}
        others = {file: name for file, name in names.items() if name not in scans}
        for file, name in told_apart(others).items():  # without series in another format
            suffix = file.name[len(stem_of(file)) :].lower()
            rule = "that no other scan has" if name in scans else broken_rule(name)
            if rule:
                place = readable_name(file.relative_to(self._studies).as_posix())
                remarks.append(f"{place} was skipped: its path must make a name {rule}")
                continue
            files[f"{name}{suffix}"] = str(file)
            places[f"{name}{suffix}"] = _place_of(file, suffix)
        return files, places, remarks

    def _link(self, links: Mapping[str, str]) -> None:
        """Make `images/` hold these links and no others."""
        there = set()
        for entry in os.scandir(self.images):
            if not entry.is_symlink():
                continue
            if links.get(entry.name) == os.readlink(entry.path):  # noqa: PTH115 # of thousands
                there.add(entry.name)
            else:
                Path(entry).unlink()
        for name, target in links.items():
            if name not in there:
                (self.images / name).symlink_to(target)

    def _link_series(self, series: Series, folder: Path) -> None:
        wanted = _link_names(series.paths, self._studies)
        if folder.is_dir():
            links = {e.name: e.readlink() for e in folder.iterdir() if e.is_symlink()}
            if links == wanted and phase_of_folder(folder) == series.phase:
                return
            shutil.rmtree(folder)
        with writing_folder(folder) as temporary:
            for name, path in wanted.items():
                (temporary / name).symlink_to(path)
            if series.phase is not None:
                (temporary / PHASE_FILE).write_text(str(series.phase))


def _link_names(paths: Sequence[Path], root: Path) -> dict[str, Path]:
    """Name of a link -> a file of a series: its own, or its path where several are called so."""
    counts = Counter(path.name for path in paths)
    names: dict[str, Path] = {}
    for path in paths:
        joined = "_".join(path.relative_to(root).parts)
        name = path.name if counts[path.name] == 1 else shortened(joined, limit=MAX_LINK)
        if name in names:  # a_b/c and a/b_c
            name = shortened(f"{len(names)}-{path.name}", limit=MAX_LINK)
        names[name] = path
    return names


def _place_of(file: Path, suffix: str) -> str:
    """The file that a scan of a studies folder is read from: what a link leads to.

    The link itself where only that is called as a scan, or lies beside a link to its pixels: in an
    annex each file has a folder of its own.
    """
    if not file.is_symlink() or suffix in HEADER_SUFFIXES:
        return str(file)
    target = os.path.realpath(file)
    return target if target.lower().endswith(suffix) else str(file)


def _ending(name: str) -> str:
    endings = (*SCAN_SUFFIXES, *HEADER_SUFFIXES, SERIES_SUFFIX)
    return next(suffix for suffix in endings if name.endswith(suffix))


def _is_scan_file(name: str) -> bool:
    """Whether an entry of `uploads/` is a scan: others are on their way."""
    return name.endswith(SCAN_SUFFIXES) and is_plain_name(_id(name))


def _id(name: str) -> str:
    """The image id of a link or of an uploaded file."""
    return name.removesuffix(_ending(name))
