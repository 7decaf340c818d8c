"""`acsnet models`: which versions of the networks a site has, and which of them is served."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from acsnet.cli.common import StudiesOption, err, grid, out, say
from acsnet.errors import InputError

if TYPE_CHECKING:
    from acsnet.fine_tuning.model_registry import Models
    from acsnet.fine_tuning.promotion import Decision

app = typer.Typer(
    help="Manage versions of the networks, and which one is used. Research use only.",
    no_args_is_help=True,
)

Version = Annotated[
    str, typer.Argument(help="Name of the version, the beginning of its name, or an alias.")
]


def open_models(studies: str) -> "Models":
    """The versions for a studies folder or a PACS."""
    from acsnet.fine_tuning.model_registry import Models
    from acsnet.server.state.paths import models_folder, state_folder
    from acsnet.server.state.schema import check_state

    check_state(state_folder())
    return Models(models_folder(studies))


def record_change(event: Literal["promote", "rollback"], models: "Models", live: str) -> None:
    """Record the new live version in the audit log and in MLflow."""
    from acsnet.annotations import audit_log
    from acsnet.fine_tuning.mlflow_mirror import mirror
    from acsnet.fine_tuning.model_registry import name_with_release
    from acsnet.server.state.paths import audit_log_file

    details = {"models": models.root.name, "change": models.last_change(live)}
    audit_log.record(audit_log_file(), event, model=name_with_release(live), details=details)
    mirror(models)


@app.command(name="list")
def list_versions(studies: StudiesOption) -> None:
    """List all versions, the oldest first."""
    models = open_models(studies)
    aliases = vars(models.aliases())
    table = grid("version", "is", "made", "trained", "from", "gate", whole="version")
    for name in models.names():
        record = models.record(name)
        decision = record.get("decision")
        gate = "" if decision is None else "passed" if decision["promote"] else "refused"
        held = ", ".join(alias for alias, held in aliases.items() if held == name)
        made, trainer, base = (str(record.get(key, "")) for key in ("made", "trainer", "base"))
        table.add_row(name, held, made, trainer, base, gate)
    out.print(table)
    if note := models.upgrade_note(models.aliases().previous):
        say(note)


@app.command()
def show(version: Version, studies: StudiesOption) -> None:
    """Show where a version comes from, and the verdict of the gate."""
    models = open_models(studies)
    name = models.find(version)
    record = models.record(name)
    say(f"version {name}")
    for key, value in record.items():
        if key not in ("decision", "left_out"):
            say(f"{key}: {value}")
    say(f"weights: {models.weights(name)}")
    for reason in record.get("left_out", ()):
        say(f"left out: {reason}")
    if decision := record.get("decision"):
        from acsnet.fine_tuning.promotion import decision_from_dict

        show_decision(decision_from_dict(decision), decision["against"], name)


@app.command()
def compare(first: Version, second: Version, studies: StudiesOption) -> None:
    """Measure two versions on the patients held out by the newest training."""
    models = open_models(studies)
    live, candidate = models.find(first), models.find(second)
    decision = measured(models, live, candidate)
    show_decision(decision, live, candidate)


@app.command()
def promote(version: Version, studies: StudiesOption) -> None:
    """Use a version from now on, if it passes the gate and is not in use already.

    It is measured against what is live now, on the patients held out now. Exit code 1 if the gate
    refuses it.
    """
    from acsnet.fine_tuning.model_registry import SHIPPED_NAME
    from acsnet.fine_tuning.promotion import decision_to_dict
    from acsnet.train.run_record import now

    models = open_models(studies)
    name, live = models.find(version), models.aliases().live
    if name == live:
        say(f"{name} is in use already")
        return
    decision = measured(models, live, name)
    if name != SHIPPED_NAME:
        entry = {**decision_to_dict(decision), "against": live, "at": now()}
        models.note(name, decision=entry)
    show_decision(decision, live, name)
    if not decision.promote:
        raise typer.Exit(1)
    models.promote(name, instead_of=live)
    record_change("promote", models, name)
    say(f"{name} is used from the next request on")


@app.command()
def rollback(
    studies: StudiesOption,
    version: Annotated[
        str | None,
        typer.Argument(help="shipped, or one that was in use; by default the previous one."),
    ] = None,
) -> None:
    """Use a version again that was in use, without asking the gate.

    The live version becomes the previous one.
    """
    models = open_models(studies)
    name = None if version is None else models.find(version)
    note = models.upgrade_note(name or models.aliases().previous)
    aliases = models.rollback(name)
    record_change("rollback", models, aliases.live)
    say(f"{aliases.live} is used from the next request on, instead of {aliases.previous}")
    if note:
        say(note)


def measured(models: "Models", live: str, candidate: str) -> "Decision":
    """The decision on patients held out. Raises InputError where nothing was ever held out."""
    from acsnet.fine_tuning.inference_pause import wait_for_inference
    from acsnet.fine_tuning.reviewed_cases import read_cases
    from acsnet.fine_tuning.training_request import read_request, run_folders
    from acsnet.fine_tuning.worker import compare as compare_versions

    runs = run_folders(models.root)
    if not runs:
        msg = "no patient is held out yet: the first training does that"
        raise InputError(msg)
    request = read_request(runs[-1])
    read = read_cases([case for case in request.cases if case.held])
    for reason in read.left_out:
        err.print(f"left out: {reason}", markup=False, soft_wrap=True)
    before_each = partial(wait_for_inference, models.root, quiet_s=request.quiet_s)
    return compare_versions(models, live, candidate, read, before_each=before_each)


def show_decision(decision: "Decision", live: str, candidate: str) -> None:
    """Print the table of a decision, and its reason."""
    from acsnet.fine_tuning.promotion import GATE_MEASURES

    table = grid("measure", "patients", live, candidate, "gain", "p", "")
    for row in decision.rows:
        measure = GATE_MEASURES[row.measure]
        numbers = (f"{v:.{measure.decimals}f}" for v in (row.live, row.candidate))
        gain = f"{row.gain:+.{measure.decimals}f}"
        p = "" if row.p is None else f"{row.p:.3f}"
        table.add_row(measure.heading, str(row.patients), *numbers, gain, p, row.verdict)
    out.print(table)
    if decision.accepted:
        say(f"accepted unchanged, so not in the table: {', '.join(decision.accepted)}")
    verdict = "passes the gate" if decision.promote else "does not pass the gate"
    say(f"{candidate} {verdict}: {decision.reason}")
