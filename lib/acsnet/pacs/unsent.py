"""Reports that belong beside a SEG in the PACS, kept until it has them."""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

from pydicom.dataset import Dataset

from acsnet.errors import InputError, PacsError
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.pacs.download import SUFFIX, write_instance
from acsnet.pacs.storescu import read_whole
from acsnet.storage import make_folder

logger = logging.getLogger(__name__)


class Unsent:
    """Keeps reports, and stores them.

    folder: of their files, `<SOPInstanceUID of the SEG>/<name>.dcm`.
    """

    def __init__(self, pacs: DicomWeb, folder: Path) -> None:
        self._pacs, self._folder = pacs, folder

    def keep(self, seg: str, reports: Mapping[str, Dataset]) -> None:
        """Keep the reports of a SEG, by their names."""
        folder = self._folder / seg
        try:
            make_folder(folder)
            for name, report in reports.items():
                write_instance(report, folder / f"{name}{SUFFIX}")
        except OSError as error:  # what is not stored is told once, and then forgotten
            logger.warning("reports that are not stored yet cannot be kept: %s", error.strerror)

    def forget(self, seg: str) -> None:
        """Remove what is kept of a SEG."""
        shutil.rmtree(self._folder / seg, ignore_errors=True)

    def send(self, seg: str, reports: Mapping[str, Dataset]) -> tuple[str, ...]:
        """Store the reports of a SEG that is in the PACS, by their names, and forget those stored;
        what could not be stored, and why.
        """
        missing = []
        for name, report in reports.items():
            try:
                self._pacs.store(report)
            except PacsError as error:  # the SEG is there, and that is what was asked for
                missing.append(f"its {name} could not be stored: {error}")
            else:
                (self._folder / seg / f"{name}{SUFFIX}").unlink(missing_ok=True)
        if not missing:
            self.forget(seg)
        return tuple(missing)

    def send_again(self, seg: str) -> tuple[str, ...]:
        """As `send`, what is kept of a SEG."""
        reports = {}
        for name, file in self._kept(seg).items():
            try:
                reports[name] = read_whole(file)
            except InputError as error:
                logger.warning("a report that was not stored cannot be read: %s", error)
                file.unlink(missing_ok=True)
        return self.send(seg, reports)

    def remarks(self, seg: str) -> tuple[str, ...]:
        """A sentence on each that is kept of a SEG."""
        return tuple(
            f"its {name} is not in the PACS yet: it is stored when the segmentation is stored again"
            for name in self._kept(seg)
        )

    def _kept(self, seg: str) -> dict[str, Path]:
        return {file.stem: file for file in sorted((self._folder / seg).glob(f"*{SUFFIX}"))}
