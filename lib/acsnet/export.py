"""A result as files, each whole or not there."""

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast, get_args

from acsnet.errors import InputError
from acsnet.io import write_label_map, write_map
from acsnet.report.patient import Subject
from acsnet.report.reading import UNREAD, Reading
from acsnet.result import Measured
from acsnet.storage import csv_cell, write_bytes, write_json, write_text

SEGMENTATION = "segmentation.nii.gz"
UNCERTAINTY = "uncertainty.nii.gz"
FEATURES = "features.json"
ROW = "features.csv"
CASE = "case"
ROW_KEYS = ("segment", "territory", "method")
"""The keys by which the parts of a list are named in a row."""

NOT_IN_ROW = ("quality", "anatomy", "labels", "seconds", "software")

ReportKind = Literal["pdf", "csv", "mesh"]
"""The forms in which a result can be handed on, by the names that `--report` takes."""

REPORT_KINDS: tuple[ReportKind, ...] = get_args(ReportKind)
PDF = "report.pdf"


def write_result(result: Measured, output: Path) -> Path:
    """Write OUTPUT/<case>/segmentation.nii.gz and features.json; returns the case's folder.

    And uncertainty.nii.gz where the result has one; else one of an earlier run is removed.
    """
    folder = output / result.scan.name
    folder.mkdir(parents=True, exist_ok=True)
    write_label_map(folder / SEGMENTATION, result.label_map(), result.scan.grid)
    if result.uncertainty is None:
        (folder / UNCERTAINTY).unlink(missing_ok=True)
    else:
        grid = result.scan.grid
        write_map(folder / UNCERTAINTY, grid.to_input(result.uncertainty.voxels), grid)
    write_json(folder / FEATURES, result.features_dict())
    return folder


def row_of(document: dict[str, Any]) -> dict[str, Any]:
    """The cells of one line of `write_csv`, by the name of their column, whose case it is first."""
    cells = dict(_cells("", document))
    return {CASE: cells.pop(CASE), **cells} if CASE in cells else cells


def write_csv(file: Path, documents: Sequence[dict[str, Any]]) -> None:
    """Write one line for each `features.json` content, under one header; null is an empty field.

    Parts are joined by a dot (`segments.7.scar_percent`, `methods.sd5.scar_volume_ml`), other lists
    by "; ". Left out: names of doubts (their sentences are among the warnings), what the anatomical
    stage did, label values, times and versions.
    """
    rows = [row_of(document) for document in documents]
    names = dict.fromkeys(name for row in rows for name in row)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
    write_text(file, buffer.getvalue())


def read_kinds(text: str) -> tuple[ReportKind, ...]:
    """`pdf,csv,mesh` -> the kinds that are asked for. Raises InputError for another name."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in REPORT_KINDS]
    if unknown or not names:
        msg = (
            f"a report is one of {', '.join(REPORT_KINDS)}, got {unknown[0] if unknown else text!r}"
        )
        raise InputError(msg)
    if "mesh" in names:
        import trimesh  # noqa: F401 - where it is missing, that is said before any work
    return cast("tuple[ReportKind, ...]", names)


def write_reports(
    result: Measured,
    folder: Path,
    kinds: Collection[ReportKind],
    *,
    subject: Subject,
    reading: Reading = UNREAD,
    method: str = "drawn",
) -> tuple[str, ...]:
    """Write FOLDER/report.pdf, features.csv and meshes/, as far as they are asked for.

    reading, method: as in `acsnet.report.pdf.report_pdf`.

    Returns the parts that were too small for a surface, or absent.
    """
    if "pdf" in kinds:
        from acsnet.report.pdf import report_pdf  # Matplotlib takes half a second to import

        pages = report_pdf(result, subject, reading=reading, method=method)
        write_bytes(folder / PDF, pages)
    if "csv" in kinds:
        write_csv(folder / ROW, [result.features_dict()])
    if "mesh" not in kinds:
        return ()
    from acsnet.report.meshes import PARTS, write_surfaces  # the extra "report" only

    made = {file.stem for file in write_surfaces(result, folder)}
    return tuple(name for name in PARTS if name not in made)


def _cells(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            if name or key not in NOT_IN_ROW:
                yield from _cells(f"{name}.{key}" if name else key, part)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for part in value:
            key = next(key for key in ROW_KEYS if key in part)
            yield from _cells(f"{name}.{part[key]}", part)
    else:
        yield name, "; ".join(map(str, value)) if isinstance(value, list) else value
