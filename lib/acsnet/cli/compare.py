"""`acsnet compare`: two scans of one patient, and what changed between them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acsnet.cli.common import DeviceOption, say
from acsnet.errors import ChoiceError, InputError, by_options

if TYPE_CHECKING:
    from acsnet.report.comparison.compare import Comparison
    from acsnet.scan import ShortAxisScan


def compare(
    before: Annotated[
        Path, typer.Argument(help="First scan: DICOM folder, or NIfTI, NRRD or MHA file.")
    ],
    after: Annotated[Path, typer.Argument(help="Second scan of the same patient.")],
    output: Annotated[Path, typer.Option(help="Folder for comparison.json and comparison.pdf.")],
    phase_before: Annotated[
        int | None,
        typer.Option(help="Image of each slice, from 1, if the first scan has several per slice."),
    ] = None,
    phase_after: Annotated[int | None, typer.Option(help="The same of the second scan.")] = None,
    series_before: Annotated[
        list[str] | None,
        typer.Option(
            help="SeriesInstanceUID or number, if the first folder has several series; repeat it "
            "to join them."
        ),
    ] = None,
    series_after: Annotated[
        list[str] | None, typer.Option(help="The same of the second folder.")
    ] = None,
    device: DeviceOption = "cpu",
) -> None:
    """Compare two scans of a patient: sizes and scar with 95 % intervals, segments without."""
    from acsnet.export import check_unchanged, write_result
    from acsnet.pipeline import Pipeline
    from acsnet.report.comparison.compare import check_one_patient
    from acsnet.report.comparison.compare import compare as compare_scans
    from acsnet.report.comparison.pages import comparison_pdf
    from acsnet.report.patient import read_subject
    from acsnet.storage import case_folder, write_bytes, write_json

    scans = (
        _read(before, phase_before, series_before, which="-before"),
        _read(after, phase_after, series_after, which="-after"),
    )
    subjects = [
        read_subject(path, scan.instance_uids)
        for path, scan in zip((before, after), scans, strict=True)
    ]
    of_before, of_after = subjects
    check_one_patient(of_before, of_after)
    for name, scan in zip(("before", "after"), scans, strict=True):
        _check_alone(output / name, scan.name)
        check_unchanged(case_folder(output / name, scan.name))  # before the long part
    pipeline = Pipeline.load(device=device, standard_tone=True)
    first, second = (pipeline(scan) for scan in scans)
    compared = compare_scans(first, second, of_before=of_before, of_after=of_after)
    files = output / "comparison.json", output / "comparison.pdf"
    for file in files:  # an earlier comparison says nothing of what is written from now on
        file.unlink(missing_ok=True)
    for name, result, path in (("before", first, before), ("after", second, after)):
        write_result(result, output / name, sources=[path])
    page = comparison_pdf(compared, first, second, of_before=of_before, of_after=of_after)
    write_json(files[0], compared.to_dict())
    write_bytes(files[1], page)
    _print_changes(compared)
    say(f"-> {output}")


def _read(
    path: Path, phase: int | None, series: list[str] | None, *, which: str
) -> "ShortAxisScan":
    """A scan; which: the end of the options that choose in it, which a refusal names."""
    from acsnet.io import read_scan

    try:
        return read_scan(path, phase=phase, series=series)
    except ChoiceError as error:
        msg = f"{path}: {error.worded(by_options(which))}"
        raise InputError(msg) from error


def _print_changes(compared: "Comparison") -> None:
    from acsnet.report.comparison.compare import SHOWN
    from acsnet.report.wording import number, signed

    for change in compared.measures:
        if change.difference is None:
            continue
        interval = "no interval"
        if change.low is not None and change.high is not None:
            interval = f"{signed(change.low, 1)} to {signed(change.high, 1)}"
        say(
            f"{change.measure}: {number(change.before, 1)} -> {number(change.after, 1)}, "
            f"{signed(change.difference, 1)} ({interval}): {SHOWN[change.shown]}"
        )
    for remark in compared.remarks:
        say(f"  remark: {remark}")


def _check_alone(folder: Path, case: str) -> None:
    """Raises InputError where a folder holds the result of another scan."""
    from acsnet.export import FEATURES, SEGMENTATION

    for file in (*folder.glob(f"*/{FEATURES}"), *folder.glob(f"*/{SEGMENTATION}")):
        if file.parent.name != case:
            msg = f"{file.parent} holds the result of another scan: take another output folder"
            raise InputError(msg)
