"""`acsnet push`, `pull` and `receive`: DICOM to and from an archive."""

import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from acsnet.cli.common import REFUSED, SeriesFolderOption, err, say


def push(
    files: Annotated[list[Path], typer.Argument(help="DICOM files, or folders of them.")],
    to: Annotated[
        str, typer.Option(help="http(s)://... of a DICOMweb service, or dicom://AET@HOST:PORT.")
    ],
) -> None:
    """Store DICOM files in a PACS. The login is read from the settings.

    ACSNET_PACS_USER and ACSNET_PACS_PASSWORD, or ACSNET_PACS_TOKEN.
    """
    from acsnet.pacs.storescu import files_to_send
    from acsnet.pacs.transfer import push as run_push

    refused = 0
    paths = files_to_send(files)
    for file, reason in run_push(paths, to=to):
        if reason is not None:
            refused += 1
            err.print(f"[red]refused[/red] {escape(f'{file}: {reason}')}", soft_wrap=True)
    say(f"stored {len(paths) - refused} of {len(paths)} files")
    if refused:
        raise typer.Exit(REFUSED)


def pull(
    source: Annotated[str, typer.Option("--from", help="http(s)://... of a DICOMweb service.")],
    output: SeriesFolderOption,
    series: Annotated[
        str | None, typer.Option(help="SeriesInstanceUID of one series, LGE or not.")
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="StudyInstanceUID; fetches its LGE series.")
    ] = None,
    patient: Annotated[
        str | None, typer.Option(help="PatientID; fetches the LGE series of this patient.")
    ] = None,
) -> None:
    """Fetch series from a PACS, by default all LGE series; continues interrupted downloads."""
    from acsnet.pacs.transfer import pull as run_pull

    tags = {"SeriesInstanceUID": series, "StudyInstanceUID": study, "PatientID": patient}
    keys = {tag: value for tag, value in tags.items() if value is not None}
    count = whole = 0
    for pulled in run_pull(keys, source=source, output=output):
        images = f"{pulled.images} images, {pulled.fetched} fetched"
        say(f"{pulled.description!r}: {images} -> {pulled.folder}")
        for fault in pulled.faults:
            err.print(f"[red]not as in the PACS:[/red] {escape(fault)}", soft_wrap=True)
        count, whole = count + 1, whole + (not pulled.faults)
    say(f"{whole} of {count} series are as in the PACS")
    if whole < count:
        raise typer.Exit(REFUSED)


def receive(
    output: SeriesFolderOption,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 11112,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    title: Annotated[str, typer.Option(help="AE title that senders must call.")] = "ACSNET",
    calling: Annotated[
        list[str] | None, typer.Option(help="AE title of an allowed sender; by default any.")
    ] = None,
    sender: Annotated[
        list[str] | None,
        typer.Option(help="Address or network of allowed senders; by default any."),
    ] = None,
) -> None:
    """Receive what a PACS sends by C-STORE, until stopped with Ctrl+C."""
    from acsnet.pacs.storescp import Receiver

    shown: set[Path] = set()

    def show(file: Path) -> None:
        if file.parent not in shown:
            shown.add(file.parent)
            say(f"receiving {file.parent}")

    receiver = Receiver(
        output,
        host=host,
        port=port,
        title=title,
        on_file=show,
        calling=calling or (),
        senders=sender or (),
    )
    say(f"Listening as {title} on {host}:{receiver.port}. Stop with Ctrl+C")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        receiver.close()
