"""The label maps of a list of cases in one folder, as `acsnet evaluate` reads them."""

from collections.abc import Mapping
from pathlib import Path

from acsnet.train.data.datasets import NIFTI


def link_labels(labels: Mapping[str, Path], folder: Path) -> Path:
    """Make a new folder with a link to the label map of each case, named after the case.

    In the folder of a data set, those of other lists lie beside them. Returns the folder.
    """
    folder.mkdir()
    for name, label in labels.items():
        (folder / f"{name}{NIFTI}").symlink_to(label.resolve())
    return folder
