"""The `acsnet` command.

Exit code 0: all done; 1: a stress test failed; 2: an input was refused, and the reason told.
"""

import json
import os
import platform
import threading
import time
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from acsnet import __version__, cli_labels, cli_models
from acsnet.errors import AcsnetError, InputError

if TYPE_CHECKING:
    from acsnet.quantify.quantification import Given

FAILED = 1
REFUSED = 2
NOTICE = "Research use only. Not a medical device."

app = typer.Typer(
    help=f"Left ventricle and scar on late gadolinium enhancement MRI. {NOTICE}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_labels.app, name="labels")
app.add_typer(cli_models.app, name="models")
out = Console()
err = Console(stderr=True)


class ScarMethodName(str, Enum):
    """Readings of full width at half maximum; see `acsnet.quantify.scar`."""

    remote = "remote"
    half_max = "half_max"


class TruthName(str, Enum):
    """Conventions of expert label files; see `acsnet.evaluate.truth`."""

    emidec = "emidec"
    acdc = "acdc"
    acsnet = "acsnet"


class CineTruthName(str, Enum):
    """Conventions of expert labels on cine; see `acsnet.train.adapters`."""

    acdc = "acdc"
    mscmrseg = "mscmrseg"
    acsnet = "acsnet"


class TrainingName(str, Enum):
    """What can be trained; see `acsnet.train.run`."""

    roi = "roi"
    myo = "myo"
    autoencoder = "autoencoder"
    prior = "prior"
    all = "all"


class DeviceName(str, Enum):
    """Where a network is trained."""

    cpu = "cpu"
    cuda = "cuda"


HeightOption = Annotated[
    float | None, typer.Option(help="Body height, for sizes by surface area; wins over DICOM.")
]
WeightOption = Annotated[float | None, typer.Option(help="Body weight, with --height-cm.")]
InsertionOption = Annotated[
    str | None,
    typer.Option(
        metavar="ROW,COLUMN",
        help="Anterior insertion of the right ventricle, pixels of the image from 0.",
    ),
]


def _show_version(value: bool) -> None:
    if value:
        out.print(f"acsnet {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Options before a command."""


def _refuse(error: Exception) -> typer.Exit:
    err.print(f"[red]error:[/red] {_plain(error)}", highlight=False, soft_wrap=True)
    return typer.Exit(REFUSED)


def _plain(error: Exception) -> str:
    """The message, with brackets that rich would take as markup kept."""
    return str(error).replace("[", r"\[")


@app.command()
def segment(
    inputs: Annotated[list[Path], typer.Argument(help="NIfTI files or DICOM folders.")],
    output: Annotated[Path, typer.Option(help="Folder for one sub-folder a case.")],
    phase: Annotated[
        int | None, typer.Option(help="Which cardiac phase, from 1, if a series has several.")
    ] = None,
    series: Annotated[
        str | None, typer.Option(help="SeriesInstanceUID or SeriesNumber, if a folder has several.")
    ] = None,
    ignore_window: Annotated[
        bool, typer.Option(help="Do not apply the DICOM window before the networks.")
    ] = False,
    scar_method: Annotated[
        ScarMethodName,
        typer.Option(help="Core scar: above half way to the peak, from remote wall or 0."),
    ] = ScarMethodName.remote,
    smooth_walls: Annotated[
        bool, typer.Option(help="Redraw walls by the autoencoder even where they pass the checks.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    height_cm: HeightOption = None,
    weight_kg: WeightOption = None,
    rv_insertion: InsertionOption = None,
) -> None:
    """Segment scans: OUTPUT/<case>/segmentation.nii.gz and features.json for each."""
    from acsnet.io import read_scan
    from acsnet.pipeline import Pipeline
    from acsnet.quantify.quantification import NOTHING
    from acsnet.write import write_result

    given = _given(height_cm, weight_kg, rv_insertion)
    if given != NOTHING and len(inputs) > 1:
        msg = "height, weight and RV insertion are of one patient: give one input with them"
        raise typer.BadParameter(msg)
    try:
        pipeline = Pipeline.load(
            device=device, scar_method=scar_method.value, keep_valid=not smooth_walls
        )
    except AcsnetError as error:
        raise _refuse(error) from None
    done: set[str] = set()
    refused = 0
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=err) as progress:
        task = progress.add_task("segmenting", total=len(inputs))
        for path in inputs:
            progress.update(task, description=path.name or str(path))
            start = time.perf_counter()
            try:
                scan = read_scan(path, phase=phase, series=series)
                if scan.name in done:
                    msg = f"{path}: a case named {scan.name} was segmented already in this run"
                    raise InputError(msg)
                scan = replace(scan, windows=None) if ignore_window else scan
                result = pipeline(scan, given=given)
                folder = write_result(result, output)
            except AcsnetError as error:
                refused += 1
                err.print(f"[red]refused[/red] {path}: {_plain(error)}", soft_wrap=True)
            except OSError as error:
                refused += 1
                err.print(f"[red]failed[/red] {path}: {_plain(error)}", soft_wrap=True)
            else:
                done.add(scan.name)
                _print_case(result.features_dict(), folder, time.perf_counter() - start)
            progress.advance(task)
    if refused:
        err.print(f"{refused} of {len(inputs)} inputs were refused")
        raise typer.Exit(REFUSED)


def _given(height_cm: float | None, weight_kg: float | None, rv_insertion: str | None) -> "Given":
    """What was told by options, checked as far as it can be without the scan."""
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


def _print_case(features: dict[str, Any], folder: Path, seconds: float) -> None:
    burden, scar = features["scar_burden_percent"], features["enhancement_volume_ml"]
    shown = "unknown" if burden is None else f"{burden:.1f} %"
    out.print(
        f"{features['case']}: LV {features['lv_volume_ml']:.1f} ml, "
        f"myocardium {features['myocardium_volume_ml']:.1f} ml, "
        f"scar {'unknown' if scar is None else f'{scar:.1f} ml'}, burden {shown} "
        f"({seconds:.1f} s) -> {folder}",
        highlight=False,
        soft_wrap=True,
    )
    for warning in features["warnings"]:
        out.print(f"  warning: {_plain(warning)}", highlight=False, soft_wrap=True)


@app.command()
def quantify(
    image: Annotated[Path, typer.Argument(help="NIfTI file or DICOM folder.")],
    labels: Annotated[Path, typer.Argument(help="Label map on its grid, NIfTI.")],
    output: Annotated[Path, typer.Option(help="Folder for one sub-folder of the case.")],
    truth: Annotated[
        TruthName, typer.Option(help="Convention of the labels; acsnet: our values.")
    ] = TruthName.acsnet,
    scar_method: Annotated[
        ScarMethodName | None,
        typer.Option(help="Split the drawn scar into core and grey zone; else as it was drawn."),
    ] = None,
    height_cm: HeightOption = None,
    weight_kg: WeightOption = None,
    rv_insertion: InsertionOption = None,
    remote: Annotated[
        Path | None,
        typer.Option(help="NIfTI mask of the remote region on the image's grid, else automatic."),
    ] = None,
) -> None:
    """Measure a mask that a person drew: OUTPUT/<case>/ as `segment` has it, and features.csv."""
    from acsnet.evaluate.drawn import on_grid_of, quantify_drawn
    from acsnet.io import read_scan
    from acsnet.write import ROW, write_csv, write_result

    start = time.perf_counter()
    given = _given(height_cm, weight_kg, rv_insertion)
    try:
        if remote is not None:
            given = replace(given, remote=on_grid_of(read_scan(image), image, remote) > 0)
        measured = quantify_drawn(
            image,
            labels,
            truth=truth.value,
            scar_method=None if scar_method is None else scar_method.value,
            given=given,
        )
        folder = write_result(measured, output)
        write_csv(folder / ROW, [measured.features_dict()])
    except (AcsnetError, OSError) as error:
        raise _refuse(error) from None
    _print_case(measured.features_dict(), folder, time.perf_counter() - start)


@app.command()
def figure(
    inputs: Annotated[list[Path], typer.Argument(help="NIfTI files or DICOM folders.")],
    output: Annotated[Path, typer.Option(help="Folder for one sub-folder a case.")],
    phase: Annotated[
        int | None, typer.Option(help="Which cardiac phase, from 1, if a series has several.")
    ] = None,
    series: Annotated[
        str | None, typer.Option(help="SeriesInstanceUID or SeriesNumber, if a folder has several.")
    ] = None,
) -> None:
    """Show what the anatomical checks saw and changed: OUTPUT/<case>/anatomy.png for each scan."""
    from acsnet.io import read_scan
    from acsnet.pipeline import Pipeline
    from acsnet.report.anatomy_figure import write_anatomy_figure

    try:
        pipeline = Pipeline.load()
    except AcsnetError as error:
        raise _refuse(error) from None
    done: set[str] = set()
    refused = 0
    for path in inputs:
        try:
            scan = read_scan(path, phase=phase, series=series)
            if scan.name in done:
                msg = f"{path}: a case named {scan.name} was drawn already in this run"
                raise InputError(msg)
            result = pipeline(scan)
            file = write_anatomy_figure(result, pipeline.corrector.limits, output)
        except (AcsnetError, OSError) as error:
            refused += 1
            err.print(f"[red]refused[/red] {path}: {_plain(error)}", soft_wrap=True)
        else:
            done.add(scan.name)
            out.print(str(file), highlight=False, soft_wrap=True)
    if refused:
        err.print(f"{refused} of {len(inputs)} inputs were refused")
        raise typer.Exit(REFUSED)


@app.command()
def serve(
    studies: Annotated[
        str, typer.Option(help="Folder of scans, or http(s)://... of a PACS with DICOMweb.")
    ],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
) -> None:
    """Run the MONAI Label server for 3D Slicer and OHIF."""
    from acsnet.server.launch import serve as run_server

    try:
        run_server(studies=studies, host=host, port=port)
    except AcsnetError as error:
        raise _refuse(error) from None


@app.command()
def push(
    files: Annotated[list[Path], typer.Argument(help="DICOM files, or folders of them.")],
    to: Annotated[
        str, typer.Option(help="http(s)://... of a DICOMweb service, or dicom://AET@HOST:PORT.")
    ],
) -> None:
    """Store DICOM files in a PACS. The login is read from ACSNET_PACS_USER and the like."""
    from acsnet.pacs.files import files_below
    from acsnet.pacs.transfer import push as run_push

    refused = 0
    try:
        found = files_below(files)
        for file, reason in run_push(found, to=to):
            if reason is not None:
                refused += 1
                told = escape(f"{file}: {reason}")
                err.print(f"[red]refused[/red] {told}", highlight=False, soft_wrap=True)
    except AcsnetError as error:
        raise _refuse(error) from None
    out.print(f"stored {len(found) - refused} of {len(found)} files", highlight=False)
    if refused:
        raise typer.Exit(REFUSED)


@app.command()
def pull(
    source: Annotated[str, typer.Option("--from", help="http(s)://... of a DICOMweb service.")],
    output: Annotated[Path, typer.Option(help="Folder; OUTPUT/<study>/<series>/ for each series.")],
    series: Annotated[str | None, typer.Option(help="SeriesInstanceUID, of any kind.")] = None,
    study: Annotated[str | None, typer.Option(help="StudyInstanceUID: its LGE series.")] = None,
    patient: Annotated[str | None, typer.Option(help="PatientID: his or her LGE series.")] = None,
) -> None:
    """Fetch series from a PACS, by default all LGE series; a download that was cut off goes on."""
    from acsnet.pacs.transfer import pull as run_pull

    tags = {"SeriesInstanceUID": series, "StudyInstanceUID": study, "PatientID": patient}
    keys = {tag: value for tag, value in tags.items() if value is not None}
    try:
        for one in run_pull(keys, source=source, output=output):
            out.print(
                f"{one.description!r}: {one.images} images, {one.fetched} fetched -> {one.folder}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
    except (AcsnetError, OSError) as error:
        raise _refuse(error) from None


@app.command()
def receive(
    output: Annotated[Path, typer.Option(help="Folder; OUTPUT/<study>/<series>/ for each series.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 11112,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    title: Annotated[str, typer.Option(help="AE title that senders must call.")] = "ACSNET",
) -> None:
    """Take what a PACS sends by C-STORE, until stopped with Ctrl+C."""
    from acsnet.pacs.receive import Receiver

    shown: set[Path] = set()

    def show(file: Path) -> None:
        if file.parent not in shown:
            shown.add(file.parent)
            out.print(f"receiving {file.parent}", highlight=False, soft_wrap=True)

    try:
        receiver = Receiver(output, host=host, port=port, title=title, on_file=show)
    except (AcsnetError, OSError) as error:
        raise _refuse(error) from None
    out.print(f"Listening as {title} on {host}:{receiver.port}. Stop with Ctrl+C", highlight=False)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        receiver.close()


@app.command()
def evaluate(
    labels: Annotated[Path, typer.Option(help="Expert labels, <case>.nii.gz.")],
    truth: Annotated[TruthName, typer.Option(help="Convention of the expert labels.")],
    predictions: Annotated[
        Path | None, typer.Option(help="What `acsnet segment` wrote; not with --stress.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every number there, too.")
    ] = None,
    stress: Annotated[
        bool, typer.Option("--stress", help="Segment changed images; print what each change costs.")
    ] = False,
    images: Annotated[
        Path | None,
        typer.Option(help="With --stress: <case>.nii.gz or DICOM folders <case>."),
    ] = None,
    cases: Annotated[
        str | None,
        typer.Option(help="With --stress: a,b,c or @FILE with a name a line. Default: all."),
    ] = None,
) -> None:
    """Compare segmentations with expert labels: Dice, balanced accuracy, Hausdorff, volumes.

    With --stress, segment a labelled set as it is and under changes of spacing, orientation,
    signal and field of view. Exit code 1 if one costs more than 0.05 wall Dice or fails.
    """
    from acsnet.evaluate import run_evaluation
    from acsnet.evaluate.stress import run_stress

    fits = (predictions is None, images is not None) == (stress, stress)
    if not fits or (cases is not None and not stress):
        msg = "give --predictions, or --stress and --images and, if you like, --cases"
        raise typer.BadParameter(msg)
    try:
        if images is not None:
            report = run_stress(
                images=images,
                labels=labels,
                truth=truth.value,
                cases=cases,
                json_path=json_file,
                console=out,
            )
            if not report.passed:
                raise typer.Exit(FAILED)
        elif predictions is not None:
            run_evaluation(
                predictions=predictions, labels=labels, truth=truth.value, json_path=json_file
            )
    except AcsnetError as error:
        raise _refuse(error) from None


@app.command()
def train(
    network: Annotated[
        TrainingName, typer.Argument(help="Network; prior: only the one of an autoencoder; or all.")
    ],
    data: Annotated[Path, typer.Option(help="Folder with emidec/, acdc/ and splits.json.")],
    output: Annotated[Path, typer.Option(help="Run folder; an unfinished run goes on.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 0,
    device: Annotated[DeviceName, typer.Option(help="cpu or cuda.")] = DeviceName.cpu,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs. Default: those of the recipe.")
    ] = None,
    cine_weight: Annotated[
        float | None,
        typer.Option(min=0, help="Weight in the loss of LGE-like cine; 0 leaves cine out."),
    ] = None,
) -> None:
    """Train on the train lists; writes OUTPUT/weights, verified when loaded.

    `torchrun` starts it on several GPUs: see docs/how-to-train.md.
    """
    from acsnet.train.run import run_training

    try:
        run_training(
            network.value,
            data=data,
            output=output,
            seed=seed,
            device=device.value,
            epochs=epochs,
            cine_weight=cine_weight,
            console=err,
        )
    except (AcsnetError, OSError) as error:
        raise _refuse(error) from None


@app.command()
def lge_like(
    inputs: Annotated[list[Path], typer.Argument(help="Cine NIfTI files.")],
    labels: Annotated[Path, typer.Option(help="Expert labels of the cine, <case>.nii.gz.")],
    reference: Annotated[
        list[Path], typer.Option(help="True LGE scan, or folder of them; may be repeated.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for images/, labels/ and figures/.")],
    truth: Annotated[
        CineTruthName, typer.Option(help="Convention of the expert labels.")
    ] = CineTruthName.acdc,
    enhanced_share: Annotated[
        float, typer.Option(help="Probability that a slice gets a scar, 0 to 1.")
    ] = 0.56,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 0,
) -> None:
    """Make cine scans LGE-like, with a synthetic scar in the labels; a figure shows the steps."""
    from acsnet.train.lge_like_run import run_lge_like

    try:
        written = run_lge_like(
            inputs,
            labels=labels,
            truth=truth.value,
            references=reference,
            output=output,
            enhanced_share=enhanced_share,
            seed=seed,
            console=err,
        )
    except (AcsnetError, OSError) as error:
        raise _refuse(error) from None
    for case in written:
        out.print(
            f"{case.image}: scar in {case.enhanced} of {case.drawn} slices -> {case.figure}",
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def calibrate(
    data: Annotated[Path, typer.Option(help="Folder with emidec/, acdc/ and splits.json.")],
    output: Annotated[Path, typer.Option(help="File to write.")] = Path("limits.json"),
) -> None:
    """Set the limits of the anatomical checks from the expert walls of the train lists."""
    from acsnet.train.calibrate import calibrate as run_calibration

    try:
        run_calibration(data, output, console=out)
    except AcsnetError as error:
        raise _refuse(error) from None


@app.command()
def simulate(
    data: Annotated[Path, typer.Option(help="Folder with emidec/ and splits.json.")],
    output: Annotated[Path, typer.Option(help="Run folder; an unfinished run goes on.")],
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions.")] = 3,
    start: Annotated[int, typer.Option(min=1, help="Scans labelled at first, by lot.")] = 4,
    step: Annotated[int, typer.Option(min=1, help="Scans labelled after each round.")] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of labelling.")] = 6,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each small network.")] = 30,
    filters: Annotated[int, typer.Option(min=1, help="Filter base of each small network.")] = 8,
) -> None:
    """Replay the EMIDEC train list: Dice against labels used, picked by us or drawn by lot."""
    from acsnet.loop.simulate import Plan, run_simulation
    from acsnet.loop.simulation_report import statement, write_report

    plan = Plan(seeds=seeds, start=start, step=step, rounds=rounds, epochs=epochs, filters=filters)
    try:
        found = write_report(
            run_simulation(data, output, plan=plan, console=err), output, plan=plan
        )
    except (AcsnetError, OSError) as error:
        raise _refuse(error) from None
    out.print(f"{statement(found)} -> {output}", highlight=False, soft_wrap=True)


@app.command()
def info() -> None:
    """Versions, weights and label values. Exit code 2 if the weights are not as shipped."""
    import torch

    from acsnet.labels import LABELS
    from acsnet.nets.weights import NETWORKS, load_network, read_manifest

    out.print(f"acsnet {__version__}. {NOTICE}", highlight=False)
    out.print(
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"{os.cpu_count()} processors, GPU: {'yes' if torch.cuda.is_available() else 'no'}",
        highlight=False,
    )
    try:
        networks = {name: load_network(name, kind) for name, kind in NETWORKS.items()}
    except AcsnetError as error:
        raise _refuse(error) from None
    table = Table("network", "filters", "parameters", "SHA-256", title="Verified weights")
    for name, network in networks.items():
        parameters = sum(p.numel() for p in network.parameters())
        digest = str(read_manifest()[name]["sha256"])[:16]
        table.add_row(name, str(network.config.base_filters), f"{parameters:,}", digest)
    out.print(table)
    values = {info.name: int(info.label) for info in LABELS}
    out.print(f"labels: {json.dumps(values)}", highlight=False, soft_wrap=True)


def main() -> None:
    """Entry point of the `acsnet` script."""
    app()


if __name__ == "__main__":
    main()
