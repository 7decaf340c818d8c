"""The forms in which a result can be handed on, by the names that `--report` takes."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Literal, cast, get_args

from acsnet.errors import InputError
from acsnet.export import ROW, write_csv
from acsnet.report.meshes import PARTS, write_surfaces
from acsnet.report.patient import Subject
from acsnet.report.pdf import AUTOMATIC, report_pdf
from acsnet.result import Measured

ReportKind = Literal["pdf", "csv", "mesh"]
REPORT_KINDS: tuple[ReportKind, ...] = get_args(ReportKind)
PDF = "report.pdf"


def read_kinds(text: str) -> tuple[ReportKind, ...]:
    """`pdf,csv,mesh` -> the kinds that are asked for. Raises InputError for another name."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in REPORT_KINDS]
    if unknown or not names:
        msg = (
            f"a report is one of {', '.join(REPORT_KINDS)}, got {unknown[0] if unknown else text!r}"
        )
        raise InputError(msg)
    return cast("tuple[ReportKind, ...]", names)


def write_reports(
    result: Measured,
    folder: Path,
    kinds: Collection[ReportKind],
    *,
    subject: Subject,
    labels_by: str = AUTOMATIC,
) -> tuple[str, ...]:
    """Write FOLDER/report.pdf, features.csv and meshes/, as far as they are asked for.

    Returns the parts that were too small for a surface, or absent.
    """
    if "pdf" in kinds:
        temporary = folder / (PDF + ".tmp")
        temporary.write_bytes(report_pdf(result, subject, labels_by=labels_by))
        os.replace(temporary, folder / PDF)
    if "csv" in kinds:
        write_csv(folder / ROW, [result.features_dict()])
    if "mesh" not in kinds:
        return ()
    made = {file.stem for file in write_surfaces(result, folder)}
    return tuple(name for name in PARTS if name not in made)
