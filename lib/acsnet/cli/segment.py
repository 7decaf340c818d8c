"""`acsnet segment`, `quantify` and `figure`: from scans to labels, numbers and pictures."""

import time
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from acsnet.cli.common import (
    REFUSED,
    CaseFolderOption,
    DeviceOption,
    InputsArgument,
    PhaseOption,
    SeriesOption,
    TruthName,
    err,
    say,
)
from acsnet.errors import AcsnetError, InputError
from acsnet.files.reasons import is_full, output_full

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from acsnet.quantify.quantification import Given
    from acsnet.result import Measured
    from acsnet.scan import ShortAxisScan

LOADING = "loading the networks"
"""What a terminal shows before anything that takes a second is imported."""

ScarMethodName = Literal["remote", "half_max"]
"""Readings of full width at half maximum; see `acsnet.quantify.scar`."""

ScarMethodOption = Annotated[
    ScarMethodName,
    typer.Option(
        help="Threshold of core scar: half way from the healthy (remote) wall to the peak, or "
        "half of the peak (half_max)."
    ),
]
IgnoreWindowOption = Annotated[
    bool, typer.Option(help="Do not apply the DICOM window before the networks.")
]
SmoothWallsOption = Annotated[
    bool, typer.Option(help="Redraw walls by the autoencoder even if they pass the checks.")
]
HeightOption = Annotated[
    float | None,
    typer.Option(help="Body height, for measures by body surface area; overrides DICOM."),
]
WeightOption = Annotated[float | None, typer.Option(help="Body weight, together with --height-cm.")]
ReportOption = Annotated[
    str | None,
    typer.Option(metavar="pdf,csv,mesh", help="Also write these, separated by commas."),
]
InsertionOption = Annotated[
    str | None,
    typer.Option(
        metavar="ROW,COLUMN",
        help="Anterior insertion of the right ventricle, in pixels of the file from 0. DICOM: row "
        "and column of the image. NIfTI, NRRD, MHA: voxel (i, j, k) of a usual stack has row j "
        "and column i.",
    ),
]


def segment(
    inputs: InputsArgument,
    output: CaseFolderOption,
    phase: PhaseOption = None,
    series: SeriesOption = None,
    ignore_window: IgnoreWindowOption = False,
    scar_method: ScarMethodOption = "remote",
    smooth_walls: SmoothWallsOption = False,
    uncertainty: Annotated[
        bool,
        typer.Option("--uncertainty", help="Add 90 % intervals and uncertainty.nii.gz."),
    ] = False,
    device: DeviceOption = "cpu",
    height_cm: HeightOption = None,
    weight_kg: WeightOption = None,
    rv_insertion: InsertionOption = None,
    report: ReportOption = None,
) -> None:
    """Segment scans. Writes OUTPUT/<case>/segmentation.nii.gz and features.json for each."""
    with err.status(LOADING):
        from acsnet.export import (
            check_unchanged,
            read_kinds,
            write_csv,
            write_reports,
            write_result,
        )
        from acsnet.pipeline import Pipeline
        from acsnet.quantify.quantification import NOTHING
        from acsnet.report.files import ROW
        from acsnet.report.patient import read_subject
        from acsnet.settings import read_settings
        from acsnet.storage import case_folder

        given = _given_values(height_cm, weight_kg, rv_insertion)
        paths = _named_paths(inputs)
        if given != NOTHING and len(paths) > 1:
            msg = (
                "height, weight and RV insertion belong to one patient: give only one input with "
                "them"
            )
            raise typer.BadParameter(msg)
        kinds = () if report is None else read_kinds(report)
        method = read_settings().report.method
        pipeline = Pipeline.load(
            device=device,
            scar_method=scar_method,
            keep_valid=not smooth_walls,
            uncertainty=uncertainty,
        )
    done: dict[str, dict[str, Any]] = {}

    def segment_one(path: Path, name: str | None) -> None:
        start = time.perf_counter()
        scan = _read_scan(path, name, others=done, phase=phase, series=series)
        scan = replace(scan, windows=None) if ignore_window else scan
        check_unchanged(case_folder(output, scan.name))  # before the long part
        result = pipeline(scan, given=given)
        folder = write_result(result, output, sources=[path])
        features = result.features_dict()
        flat: tuple[str, ...] = ()
        if kinds:
            subject = read_subject(path, scan.instance_uids)
            flat = write_reports(result, folder, kinds, subject=subject, method=method)
            if "csv" in kinds:
                write_csv(output / ROW, [*done.values(), features])
        done[scan.name] = features
        _print_case(result, folder, time.perf_counter() - start, flat)

    _for_each(paths, segment_one, doing="segmenting", output=output)


def quantify(
    image: Annotated[Path, typer.Argument(help="DICOM folder, or NIfTI, NRRD or MHA file.")],
    labels: Annotated[
        Path,
        typer.Argument(help="Label map on the grid of the image: NIfTI, NRRD, MHA or DICOM SEG."),
    ],
    output: Annotated[Path, typer.Option(help="Folder for a sub-folder of the case.")],
    phase: PhaseOption = None,
    series: SeriesOption = None,
    truth: Annotated[
        TruthName, typer.Option(help="Convention of the label values; acsnet: those of ACSNet.")
    ] = "acsnet",
    scar_method: Annotated[
        ScarMethodName | None,
        typer.Option(
            help="Split the drawn scar into core and grey zone; by default as it was drawn."
        ),
    ] = None,
    height_cm: HeightOption = None,
    weight_kg: WeightOption = None,
    rv_insertion: InsertionOption = None,
    remote: Annotated[
        Path | None,
        typer.Option(
            help="Mask of the remote region on the image's grid: NIfTI, NRRD or MHA; by default "
            "automatic."
        ),
    ] = None,
    report: ReportOption = None,
) -> None:
    """Measure a label map of a person. Writes OUTPUT/<case>/ as `segment`, and features.csv."""
    from acsnet.export import read_kinds, write_reports, write_result
    from acsnet.measure import measure_label_file
    from acsnet.report.patient import read_subject
    from acsnet.report.reading import Reading
    from acsnet.settings import read_settings
    from acsnet.stages.label_doubts import OTHER_CONVENTION

    start = time.perf_counter()
    given = _given_values(height_cm, weight_kg, rv_insertion)
    kinds = () if report is None else read_kinds(report)
    if remote is not None:
        region = _region_of(remote, image=image, phase=phase, series=series)
        given = replace(given, remote=region)
    measured = measure_label_file(
        image,
        labels,
        phase=phase,
        series=series,
        truth=truth,
        scar_method=scar_method,
        given=given,
    )
    sources = [image, labels] if remote is None else [image, labels, remote]
    folder = write_result(measured, output, sources=sources)
    subject = read_subject(image, measured.scan.instance_uids)
    flat = write_reports(
        measured,
        folder,
        {"csv", *kinds},
        subject=subject,
        reading=Reading(source=labels.name),
        method=read_settings().report.method,
    )
    _print_case(measured, folder, time.perf_counter() - start, flat)
    if any(warning.endswith(OTHER_CONVENTION) for warning in measured.warnings):
        say(f"  --truth names the convention of the label values; it was {truth}")


def figure(
    inputs: InputsArgument,
    output: CaseFolderOption,
    phase: PhaseOption = None,
    series: SeriesOption = None,
) -> None:
    """Draw what the anatomical checks found and changed: OUTPUT/<case>/anatomy.png per scan."""
    with err.status(LOADING):
        from acsnet.pipeline import Pipeline
        from acsnet.report.anatomy_figure import write_anatomy_figure

        paths = _named_paths(inputs)
        pipeline = Pipeline.load()
    done: set[str] = set()

    def draw_one(path: Path, name: str | None) -> None:
        scan = _read_scan(path, name, others=done, phase=phase, series=series)
        file = write_anatomy_figure(pipeline(scan), pipeline.corrector.limits, output)
        done.add(scan.name)
        say(str(file))

    _for_each(paths, draw_one, doing="drawing", output=output)


def _named_paths(inputs: Sequence[Path]) -> list[tuple[Path, str | None]]:
    """The scans and the names of their cases, None where that follows from the scan.

    Prints what was passed over.
    """
    from acsnet.io.inputs import expanded, names_of

    paths, passed_over = expanded(inputs)
    names = names_of(paths)
    for remark in passed_over:
        err.print(escape(remark), soft_wrap=True, highlight=False)
    return [(path, names.get(path)) for path in paths]


def _read_scan(
    path: Path,
    name: str | None,
    *,
    others: Container[str],
    phase: int | None,
    series: Sequence[str] | None,
) -> "ShortAxisScan":
    """The scan under the name of its case. Raises InputError where one of `others` has it, too."""
    from acsnet.io import read_scan

    scan = read_scan(path, phase=phase, series=series)
    scan = replace(scan, name=name or scan.name)
    if scan.name in others:
        msg = f"a case named {scan.name} came earlier in this run"
        raise InputError(msg)
    return scan


def _for_each(
    paths: Sequence[tuple[Path, str | None]],
    work: Callable[[Path, str | None], None],
    *,
    doing: str,
    output: Path,
) -> None:
    """Work on each input and its name, with a progress bar; one that is refused stops no other.

    Raises typer.Exit at the end where one was refused, and OutputFullError at once.
    """
    refused = 0
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=err) as progress:
        task = progress.add_task(doing, total=len(paths))
        for path, name in paths:
            progress.update(task, description=path.name or str(path))
            try:
                work(path, name)
            except (AcsnetError, OSError) as error:
                if is_full(error):
                    raise output_full(error, output) from error
                refused += 1
                word = "refused" if isinstance(error, AcsnetError) else "failed"
                err.print(f"[red]{word}[/red] {escape(f'{path}: {error}')}", soft_wrap=True)
            progress.advance(task)
    if refused:
        err.print(f"{refused} of {len(paths)} inputs were refused")
        raise typer.Exit(REFUSED)


def _region_of(
    remote: Path, *, image: Path, phase: int | None, series: Sequence[str] | None
) -> "NDArray[np.bool_]":
    """The mask of a remote region, (slice, row, column) of the image's scan."""
    from acsnet.io import read_scan
    from acsnet.io.label_map import read_labels_on

    scan = read_scan(image, phase=phase, series=series)
    return read_labels_on(remote, scan=scan, image=image, by_value=True) > 0


def _given_values(
    height_cm: float | None, weight_kg: float | None, rv_insertion: str | None
) -> "Given":
    """The values given by options, checked as far as possible without the scan."""
    from acsnet.quantify.quantification import Given

    point = None
    if rv_insertion is not None:
        try:
            row, column = (float(part) for part in rv_insertion.split(","))
        except ValueError:
            msg = f"--rv-insertion must be ROW,COLUMN, two numbers, got {rv_insertion!r}"
            raise typer.BadParameter(msg) from None
        point = row, column
    return Given(height_cm=height_cm, weight_kg=weight_kg, rv_insertion=point)


def _print_case(measured: "Measured", folder: Path, seconds: float, flat: tuple[str, ...]) -> None:
    """flat: the parts that have no surface."""
    from acsnet.report.wording import number, ordered_doubts

    features = measured.features_dict()
    parts = (
        ("cavity", "blood_pool_volume_ml", "ml"),
        ("myocardium", "myocardium_volume_ml", "ml"),
        ("scar", "enhancement_volume_ml", "ml"),
        ("burden", "scar_burden_percent", "%"),
    )
    measures = ", ".join(
        f"{name} {'unknown' if features[key] is None else f'{number(features[key], 1)} {unit}'}"
        for name, key, unit in parts
    )
    say(f"{features['case']}: {measures} ({seconds:.1f} s) -> {folder}")
    for warning in ordered_doubts(measured.warnings):
        say(f"  warning: {warning}")
    if flat:
        say(f"  no surface file, too few voxels: {', '.join(flat)}")
