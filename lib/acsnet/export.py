"""A result as files, each whole or not there."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast, get_args

from acsnet.errors import InputError
from acsnet.io import write_map
from acsnet.io.nifti import label_map_nifti, packed
from acsnet.report.files import ANATOMY_FIGURE, MESH_FILES, MESHES, PARTS, PDF, ROW
from acsnet.report.patient import Subject
from acsnet.report.reading import UNREAD, Reading
from acsnet.result import Measured
from acsnet.storage import case_folder, sha256_of, write_bytes, write_json, write_text, writing

SEGMENTATION = "segmentation.nii.gz"
UNCERTAINTY = "uncertainty.nii.gz"
FEATURES = "features.json"
RECORD = "cohort.json"
"""What the result of a cohort was made from."""
RECORDED_LABELS = "segmentation_sha256"
"""Key of measures and record: tells whether the label map is still the one that was written."""
CSV_TABLE = "cohort.csv"
PARQUET_TABLE = "cohort.parquet"
"""Tables of a cohort, over all its cases."""

MADE_FROM_IT = (ROW, ANATOMY_FIGURE, *(f"{MESHES}/{name}" for name in MESH_FILES))
MATPLOTLIB = b"Matplotlib pdf backend"
"""In every PDF that is drawn here."""

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")

CASE = "case"
TABLE_BEGIN = b"case,lv_volume_ml,"
"""How the header of each table of measures begins."""
ROW_KEYS = ("segment", "territory", "method")
"""The keys by which the parts of a list are named in a row."""

CLASS = "transmurality_class"
"""How the names of the columns end that hold a range of percent."""

NOT_IN_ROW = ("quality", "anatomy", "labels", "seconds", "software", RECORDED_LABELS)

ReportKind = Literal["pdf", "csv", "mesh"]
"""The forms in which a result can be handed on, by the names that `--report` takes."""

REPORT_KINDS: tuple[ReportKind, ...] = get_args(ReportKind)


def write_result(result: Measured, output: Path, *, sources: Sequence[Path] = ()) -> Path:
    """Write OUTPUT/<case>/segmentation.nii.gz and features.json; returns the case's folder.

    And uncertainty.nii.gz where the result has one. What was made from an earlier result in that
    folder is removed, with the tables in OUTPUT that tell of it. sources: the files that the result
    was made from. Raises InputError, with nothing written, where one of them would be lost or a
    label map that somebody changed since it was written, and for a name that is none of a folder.
    """
    folder = case_folder(output, result.scan.name)
    _check_kept(folder, sources)
    check_unchanged(folder)
    grid = result.scan.grid
    labels = packed(label_map_nifti(result.label_map(), grid))
    digest = {RECORDED_LABELS: hashlib.sha256(labels).hexdigest()}
    folder.mkdir(parents=True, exist_ok=True)
    _remove_made_from_it(folder)
    file = folder / SEGMENTATION
    with _all_or(partial(_remove_half, folder)), writing(file) as staged:
        staged.write_bytes(labels)
        file.unlink(missing_ok=True)  # a kill leaves none, never one with another's digest
        if result.uncertainty is not None:
            write_map(folder / UNCERTAINTY, grid.to_input(result.uncertainty.voxels), grid)
        write_json(folder / FEATURES, {**result.features_dict(), **digest})
    return folder


@contextmanager
def _all_or(remove: Callable[[], None]) -> Iterator[None]:
    """Remove a part of what is written where an error ends it: it would pass for the whole."""
    try:
        yield
    except OSError:
        remove()
        raise


def _remove_half(folder: Path) -> None:
    """Remove what stands without the label map that it is of."""
    if not (folder / SEGMENTATION).exists():
        remove_result(folder)


def remove_result(folder: Path) -> None:
    """Remove the result in the folder of a case, and what was made from it."""
    _remove_made_from_it(folder)
    for name in (SEGMENTATION, FEATURES):
        (folder / name).unlink(missing_ok=True)


def check_unchanged(folder: Path) -> None:
    """Raises InputError where somebody changed the label map of a result in a folder.

    Of what earlier versions wrote, at most the record of a cohort tells.
    """
    file = folder / SEGMENTATION
    noted = {**(read_object(folder / RECORD) or {}), **(read_object(folder / FEATURES) or {})}
    written = noted.get(RECORDED_LABELS)
    if written is not None and file.is_file() and sha256_of(file) != written:
        msg = (
            f"{file} was changed since it was written, or two commands wrote it at once: measure "
            "it with `acsnet quantify` into another folder, then move it away"
        )
        raise InputError(msg)


def read_object(file: Path) -> dict[str, Any] | None:
    """The content of a JSON file; None where that is no object."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _check_kept(folder: Path, sources: Sequence[Path]) -> None:
    for name in (SEGMENTATION, UNCERTAINTY, FEATURES):
        for source in sources:
            if (folder / name).exists() and source.exists() and source.samefile(folder / name):
                msg = f"the result would overwrite {source}, which it is made from: take another "
                raise InputError(msg + "output folder")


def _remove_made_from_it(folder: Path) -> None:
    """Remove what tells of the result in a folder: tables over all cases and the record first.

    Files of the same name that were there before any result are somebody else's.
    """
    if (folder / RECORD).is_file():
        for name in (CSV_TABLE, PARQUET_TABLE):
            (folder.parent / name).unlink(missing_ok=True)
    for name in (RECORD, UNCERTAINTY):
        (folder / name).unlink(missing_ok=True)
    if not (folder / FEATURES).is_file():
        return
    _remove_table(folder.parent / ROW)
    _remove_reports(folder)


def _remove_reports(folder: Path) -> None:
    for name in MADE_FROM_IT:
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # absent, or with other files
        (folder / MESHES).rmdir()
    report = folder / PDF
    if report.is_file() and MATPLOTLIB in report.read_bytes():
        report.unlink()


def _remove_table(file: Path) -> None:
    """Remove a table of `write_csv` over several cases; somebody else's of that name stays."""
    if not file.is_file():
        return
    with file.open("rb") as stream:
        header = stream.readline()
    if header.startswith(TABLE_BEGIN):
        file.unlink()


def row_of(document: dict[str, Any]) -> dict[str, Any]:
    """The cells of one line of `write_csv`, by the name of their column, whose case it is first."""
    cells = dict(_cells("", document))
    return {CASE: cells.pop(CASE), **cells} if CASE in cells else cells


def csv_cell(value: Any) -> Any:
    """A value as a table can hold it: a text that a spreadsheet would run as a formula is marked.

    Names of files and patients come from outside. A text that is a number stays one.
    """
    if not isinstance(value, str) or not value.startswith(FORMULA_SIGNS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def csv_cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as a table can hold it: a class such as 1-25, which spreadsheets take for a date, in %.

    The rest by `csv_cell`.
    """
    return {
        name: f"{value} %" if name.endswith(CLASS) and "-" in (value or "") else csv_cell(value)
        for name, value in row.items()
    }


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
    writer.writerows(csv_cells(row) for row in rows)
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

    Returns the parts that were too small for a surface, or absent. After an OSError none of these
    files is left.
    """
    with _all_or(partial(_remove_reports, folder)):
        if "pdf" in kinds:
            from acsnet.report.pdf import report_pdf  # Matplotlib takes half a second to import

            pages = report_pdf(result, subject, reading=reading, method=method)
            write_bytes(folder / PDF, pages)
        if "csv" in kinds:
            write_csv(folder / ROW, [result.features_dict()])
        if "mesh" not in kinds:
            return ()
        from acsnet.report.meshes import write_surfaces  # the extra "report" only

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
        yield name, _joined(value) if isinstance(value, list) else value


def _joined(values: list[Any]) -> str:
    """A list in one cell, with nothing in the place of a null."""
    return "; ".join("" if value is None else str(value) for value in values)
