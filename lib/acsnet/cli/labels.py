"""`acsnet labels`: what people drew on the scans of a folder, who reviewed it, how they agree."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from acsnet.cli.common import grid, out, say
from acsnet.errors import InputError

if TYPE_CHECKING:
    from acsnet.annotations.label_versions import VersionStore

app = typer.Typer(
    help="Manage label maps that people saved on the scans of a folder. Research use only.",
    no_args_is_help=True,
)

Studies = Annotated[Path, typer.Option(help="Folder of scans, as given to `acsnet serve`.")]
Image = Annotated[str, typer.Argument(help="Id of the scan, as the server lists it.")]


def open_versions(studies: Path) -> "VersionStore":
    """The versions for a studies folder. Raises InputError where that cannot be read."""
    from acsnet.annotations.label_versions import VersionStore
    from acsnet.server.state.paths import VERSIONS, state_folder, store_folder
    from acsnet.server.state.schema import check_state

    if not studies.is_dir():
        msg = f"studies must be a folder, got {studies} (for a PACS, see the pages of the server)"
        raise InputError(msg)
    check_state(state_folder())
    return VersionStore(store_folder(studies) / VERSIONS)


@app.command(name="list")
def list_versions(studies: Studies) -> None:
    """List all versions of all labels, the newest of each scan first."""
    table = grid(
        "scan", "version", "state", "by", "reviewed by", "saved (UTC)", "model", whole="version"
    )
    for versions in open_versions(studies).all():
        for v in versions:
            saved = f"{v.saved:%Y-%m-%d %H:%M}"
            cells = (v.image, v.id, v.state, v.author, v.reviewer, saved, v.model)
            table.add_row(*map(escape, cells))
    out.print(table)


@app.command()
def review(
    image: Image,
    version: Annotated[str, typer.Argument(help="Id of the version, see `acsnet labels list`.")],
    studies: Studies,
    by: Annotated[str, typer.Option(help="Who reviewed it.")],
) -> None:
    """Mark a version as reviewed, so that networks may be trained on it."""
    from acsnet.annotations import audit_log
    from acsnet.annotations.acceptance import check_kept
    from acsnet.annotations.label_versions import last_reviewed
    from acsnet.server.state.paths import audit_log_file

    store = open_versions(studies)
    before = store.version(image, version)
    marked = store.mark(image, version, "reviewed", by=by)
    valid = last_reviewed([other for other in store.versions(image) if other.scan == marked.scan])
    check_kept(
        reviewer=marked.reviewer,
        at=marked.reviewed,
        kept_comment=marked.comment,
        is_replaced=valid is not None and valid.id != version,
        by=by,
        comment="",
    )
    if before.state != "reviewed":
        details = {"version": version}
        audit_log.record(
            audit_log_file(), "review", user=by, model=marked.model, image=image, details=details
        )
    say(f"{version} is reviewed by {marked.reviewer}")


@app.command()
def agreement(image: Image, studies: Studies) -> None:
    """Compare the label maps of each pair of people on a scan; the newest of each counts."""
    from acsnet.annotations.agreement import compare_all
    from acsnet.annotations.label_versions import by_author
    from acsnet.io.label_map import read_labels

    versions = open_versions(studies).versions(image)
    newest = versions[0].scan if versions else ""
    drawn = {
        author: read_labels(version.verified())
        for author, version in by_author(versions).items()
        if version.scan == newest
    }
    if len(drawn) < 2:
        msg = f"scan {image!r} has label maps of {len(drawn)} people: at least two are needed"
        raise InputError(msg)
    for first, second, result in compare_all(drawn):
        table = Table("region", "Dice", title=escape(f"{first} and {second}"))
        for region, dice in result.region_dice.items():
            table.add_row(region, "" if dice is None else f"{dice:.3f}")
        out.print(table)
        if result.burden_difference is not None:
            say(f"scar burden differs by {result.burden_difference:+.1f} % of the myocardium")
