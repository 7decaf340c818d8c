"""`acsnet lge-like`: cine volumes made LGE-like, as files and a figure for a person to look at."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from acsnet.errors import InputError
from acsnet.io import read_scan, write_label_map, write_map
from acsnet.io.volume import SUFFIXES, case_name
from acsnet.labels import Label
from acsnet.storage import writing
from acsnet.train.augment.lge_like import Steps, lge_like_steps
from acsnet.train.augment.lge_like_figure import lge_like_figure
from acsnet.train.data.case import POOL, SCAR, WALL, TrainingCase, read_case
from acsnet.train.data.lists import repeated

IMAGE_NOTE = b"LGE-like, made from cine, no true LGE; research use only, not a medical device"
"""In the header of the image: `descrip` holds 79 bytes."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """The files of one case, and how many of the slices with a wall got a pseudo-scar."""

    image: Path
    labels: Path
    figure: Path
    enhanced: int
    drawn: int


def run_lge_like(
    inputs: Sequence[Path],
    *,
    labels: Path,
    truth: str,
    references: Sequence[Path],
    output: Path,
    enhanced_share: float,
    seed: int,
    console: Console,
) -> list[Written]:
    """Make cine scans LGE-like: OUTPUT/images, labels and figures, one file a case in each.

    inputs: cine NIfTI files; labels: folder of <case>.nii.gz with the values of `truth`, a name in
    `acsnet.label_conventions`; references: true LGE scans, or folders of them, one drawn at random
    for each case; enhanced_share: as `lge_like_steps`. A case depends on its name, the references
    and the seed, not on the other inputs. Raises InputError, naming the file, before the case is
    written.
    """
    if not 0.0 <= enhanced_share <= 1.0:
        msg = f"the share of enhanced slices must be 0 to 1, got {enhanced_share:g}"
        raise InputError(msg)
    for path in inputs:
        if path.is_dir():
            msg = f"{path} is a folder: the cine scans must be NIfTI files"
            raise InputError(msg)
    names = [case_name(path) for path in inputs]
    if twice := repeated(names):
        msg = f"more than one input is called {twice[0]}: their results would overwrite each other"
        raise InputError(msg)
    pool = reference_files(references)
    written = []
    for path, name in track(
        list(zip(inputs, names, strict=True)), description="LGE-like", console=console
    ):
        label = labels / f"{name}.nii.gz"
        case = cine_case(path, label, truth=truth)
        targets = _targets(output, name, keep=(path, label, *pool))
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        reference = read_scan(pool[rng.integers(len(pool))])
        steps = lge_like_steps(
            case.scan.pixels,
            case.tissue == WALL,
            case.tissue == POOL,
            spacing_mm=case.scan.spacing_mm[1:],
            reference=reference.pixels,
            enhanced_share=enhanced_share,
            rng=rng,
        )
        grid = case.scan.grid
        write_map(targets[0], grid.to_input(steps.matched), grid, note=IMAGE_NOTE)
        write_label_map(targets[1], label_values(case, steps), grid)
        with writing(targets[2]) as temporary:
            lge_like_figure(case, steps, reference).savefig(temporary, format="png")
        written.append(
            Written(
                image=targets[0],
                labels=targets[1],
                figure=targets[2],
                enhanced=int(steps.scar.any(axis=(1, 2)).sum()),
                drawn=int((case.tissue == WALL).any(axis=(1, 2)).sum()),
            )
        )
    return written


def cine_case(path: Path, label: Path, *, truth: str) -> TrainingCase:
    """A cine scan with its wall.

    Raises as `read_case`, and InputError where there is nothing to enhance.
    """
    case = read_case(path, label, convention=truth, source="cine")
    if (case.tissue == SCAR).any():
        msg = f"{label}: enhancement is drawn already, so its image is no cine"
        raise InputError(msg)
    both = (case.tissue == WALL).any(axis=(1, 2)) & (case.tissue == POOL).any(axis=(1, 2))
    if not both.any():
        msg = f"{label}: no slice has both wall and blood pool"
        raise InputError(msg)
    return case


def reference_files(references: Sequence[Path]) -> list[Path]:
    """The scans to draw from: each file given, each NIfTI file of a folder given, DICOM folders.

    Raises InputError for what is not there.
    """
    paths: list[Path] = []
    for path in references:
        if not path.exists():
            msg = f"{path} does not exist: a reference is a true LGE scan, or a folder of them"
            raise InputError(msg)
        inside = sorted(path.iterdir()) if path.is_dir() else []
        paths += [p for p in inside if p.name.endswith(SUFFIXES)] or [path]
    return paths


def label_values(case: TrainingCase, steps: Steps) -> NDArray[np.uint8]:
    """The tissue of an LGE-like case in our own label values, as the input's file lies.

    The pseudo-scar is core scar: it has no grey zone of its own.
    """
    values = np.zeros(case.tissue.shape, np.uint8)
    values[case.tissue == POOL] = Label.LV_BLOOD_POOL
    values[case.tissue == WALL] = Label.LV_MYOCARDIUM
    values[steps.scar] = Label.CORE_SCAR
    return case.scan.grid.to_input(values)


def _targets(output: Path, name: str, *, keep: Sequence[Path]) -> tuple[Path, Path, Path]:
    """Image, labels and figure of a case, in folders that are there; none is one of `keep`."""
    image = output / "images" / f"{name}.nii.gz"
    labels = output / "labels" / f"{name}.nii.gz"
    figure = output / "figures" / f"{name}.png"
    for path in (image, labels):
        if path.resolve() in {p.resolve() for p in keep}:
            msg = f"{path} is an input and would be overwritten: choose another output folder"
            raise InputError(msg)
    try:
        for path in (image, labels, figure):
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{output} cannot be made a folder: {error.strerror}"
        raise InputError(msg) from error
    return image, labels, figure
