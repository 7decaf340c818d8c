"""`acsnet compare`: two scans of one patient, and what changed between them."""

from pathlib import Path
from typing import Annotated

import typer

from acsnet.cli.common import DeviceName, PhaseOption, SeriesOption, say
from acsnet.errors import ChoiceError, InputError, by_options


def compare(
    before: Annotated[
        Path, typer.Argument(help="First scan: DICOM folder, or NIfTI, NRRD or MHA file.")
    ],
    after: Annotated[Path, typer.Argument(help="Second scan of the same patient.")],
    output: Annotated[Path, typer.Option(help="Folder for comparison.json and comparison.pdf.")],
    phase_before: PhaseOption = None,
    phase_after: PhaseOption = None,
    series_before: SeriesOption = None,
    series_after: SeriesOption = None,
    device: Annotated[DeviceName, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Compare two scans of a patient: what changed, with 95 % intervals."""
    from acsnet.export import write_result
    from acsnet.io import read_scan
    from acsnet.pipeline import Pipeline
    from acsnet.report import comparison
    from acsnet.report.patient import read_subject
    from acsnet.storage import write_bytes, write_json

    scans = []
    for path, phase, series, which in (
        (before, phase_before, series_before, "-before"),
        (after, phase_after, series_after, "-after"),
    ):
        try:
            scans.append(read_scan(path, phase=phase, series=series))
        except ChoiceError as error:
            msg = f"{path}: {error.worded(by_options(which))}"
            raise InputError(msg) from error
    subjects = [
        read_subject(path, scan.instance_uids)
        for path, scan in zip((before, after), scans, strict=True)
    ]
    of_before, of_after = subjects
    comparison.check_one_patient(of_before, of_after)
    for name, scan in zip(("before", "after"), scans, strict=True):
        _check_alone(output / name, scan.name)
    pipeline = Pipeline.load(device=device, standard_tone=True)
    first, second = (pipeline(scan) for scan in scans)
    compared = comparison.compare(first, second, of_before=of_before, of_after=of_after)
    files = output / "comparison.json", output / "comparison.pdf"
    for file in files:  # an earlier comparison says nothing of what is written from now on
        file.unlink(missing_ok=True)
    for name, result, path in (("before", first, before), ("after", second, after)):
        write_result(result, output / name, sources=[path])
    page = comparison.comparison_pdf(
        compared, first, second, of_before=of_before, of_after=of_after
    )
    write_json(files[0], compared.to_dict())
    write_bytes(files[1], page)
    for change in compared.measures:
        if change.difference is None:
            continue
        interval = "no interval"
        if change.low is not None and change.high is not None:
            interval = f"{change.low:+.1f} to {change.high:+.1f}"
        say(
            f"{change.measure}: {change.before:.1f} -> {change.after:.1f}, "
            f"{change.difference:+.1f} ({interval}): {comparison.SHOWN[change.shown]}"
        )
    for remark in compared.remarks:
        say(f"  remark: {remark}")
    say(f"-> {output}")


def _check_alone(folder: Path, case: str) -> None:
    """Raises InputError where a folder holds the result of another scan."""
    from acsnet.export import FEATURES, SEGMENTATION

    for file in (*folder.glob(f"*/{FEATURES}"), *folder.glob(f"*/{SEGMENTATION}")):
        if file.parent.name != case:
            msg = f"{file.parent} holds the result of another scan: take another output folder"
            raise InputError(msg)
