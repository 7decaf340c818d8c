"""`python -m acsnet.fine_tuning.worker RUN LOCK LOG`: train, then decide on promotion.

Runs in its own process, which may be killed at any time; the same command resumes it. Nothing that
is served changes before the last step. Under `torchrun` all processes train, and only the first
does the rest.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from rich.console import Console

from acsnet.anatomy.latent_prior import NAME as PRIOR
from acsnet.annotations import audit_log
from acsnet.errors import AcsnetError
from acsnet.fine_tuning.fine_tune import SEED, USUAL, FineTuning, Schedule
from acsnet.fine_tuning.inference_pause import wait_for_inference
from acsnet.fine_tuning.kept_samples import keep_samples, trained_scans
from acsnet.fine_tuning.mlflow_mirror import mirror
from acsnet.fine_tuning.model_registry import SHIPPED_NAME, Models
from acsnet.fine_tuning.promotion import (
    Decision,
    PatientMeasures,
    decide,
    decision_to_dict,
    mean_measures,
    measure_patient,
)
from acsnet.fine_tuning.reviewed_cases import ReadCases, in_words, named, read_cases
from acsnet.fine_tuning.run_end import end_early
from acsnet.fine_tuning.training_request import Request, read_request
from acsnet.fine_tuning.training_status import (
    DONE,
    FAILED,
    MEASURING,
    TRAINING,
    Progress,
    Status,
    change_status,
    read_status,
)
from acsnet.pipeline import Pipeline
from acsnet.train.distributed import joined, launched
from acsnet.train.run import STEPS
from acsnet.train.run_record import now

BUSY = 3  # exit code if another training holds the lock
NICENESS = 10  # lower priority than the server


def measure(
    weights: Path, read: ReadCases, *, before_each: Callable[[], None]
) -> dict[str, PatientMeasures]:
    """Patient -> measures of the weights in a folder, in the form in which the server runs them."""
    pipeline = Pipeline.load(weights=weights)
    by_patient: dict[str, list[PatientMeasures]] = {}
    for case, content in read.cases:
        before_each()
        with named(case.name):
            measures = measure_patient(pipeline(content.scan), content)
        by_patient.setdefault(case.patient, []).append(measures)
    return {patient: mean_measures(scans) for patient, scans in by_patient.items()}


def compare(
    models: Models,
    live: str,
    candidate: str,
    read: ReadCases,
    *,
    before_each: Callable[[], None],
) -> Decision:
    """The decision on version `candidate` against `live`, on the same patients."""
    drawn, accepted = (
        replace(read, cases=tuple(pair for pair in read.cases if pair[0].unchanged is unchanged))
        for unchanged in (False, True)
    )
    of_version = {
        name: measure(models.weights(name), drawn, before_each=before_each)
        for name in dict.fromkeys((live, candidate, SHIPPED_NAME))
    }
    on_accepted = None
    if accepted.cases:
        on_accepted = (
            measure(models.weights(live), accepted, before_each=before_each),
            measure(models.weights(candidate), accepted, before_each=before_each),
        )
    decision = decide(
        of_version[live],
        of_version[candidate],
        shipped=of_version[SHIPPED_NAME],
        accepted=on_accepted,
    )
    return replace(decision, accepted=tuple(case.name for case, _ in accepted.cases))


def perform(folder: Path, *, schedule: Schedule = USUAL) -> Status:
    """Run or resume the training of a run folder; returns its final status.

    Raises what makes it fail, once that is recorded in the status: nobody starts it again.
    """
    request, status = read_request(folder), read_status(folder)
    change_status(folder, state=TRAINING, started=status.started or now())
    models = models_of(folder)
    try:
        name = status.candidate or make_candidate(folder, request, models, schedule)
        change_status(folder, candidate=name)
        return decide_promotion(folder, request, models, name)
    except Exception as error:
        status = end_early(folder, models, state=FAILED, detail=in_words(error))
        if status.state == FAILED:
            raise
        return status


def models_of(folder: Path) -> Models:
    """The model registry of a run folder."""
    return Models(folder.parent.parent)


def make_candidate(folder: Path, request: Request, models: Models, schedule: Schedule) -> str:
    """Train what is requested, and register the resulting weights as a version."""
    weights = train_parts(folder, request, schedule)
    record = {"base": request.base, "trainer": request.trainer, "run": folder.name}
    return models.add(weights, {**record, "trained_scans": len(trained_scans(folder).scans)})


def train_parts(folder: Path, request: Request, schedule: Schedule) -> Path:
    """Train what is requested, in each training process; returns the weights folder."""
    models, steps = models_of(folder), STEPS[request.trainer]
    epochs = schedule.total_epochs(steps, epochs=request.epochs)
    with joined(launched(request.device)) as processes:
        kept = processes.from_first(
            lambda: keep_samples(
                folder, request.cases, steps=steps, phantoms=schedule.phantoms, seed=SEED
            )
        )
        if processes.first:
            change_status(folder, left_out=kept.left_out)
        tuning = FineTuning(
            base=models.weights(request.base),
            folder=folder,
            registry=models.root,
            schedule=schedule,
            processes=processes,
            console=Console(quiet=not processes.first),
            on_step=partial(wait_for_inference, models.root, quiet_s=request.quiet_s),
        )
        tuning.bring_base()
        for index, name in enumerate(steps):
            done = schedule.total_epochs(steps[:index], epochs=request.epochs)
            if processes.first:
                reached = max(done, read_status(folder).epoch)
                change_status(folder, step=name, epoch=reached, epochs=epochs)
            if tuning.is_done(name):
                continue
            if name == PRIOR:
                tuning.fit_prior()
            else:
                progress = Progress(folder=folder, step=name, done=done, epochs=epochs)
                tuning.train(
                    name,
                    epochs=request.epochs,
                    on_epoch=progress,
                    on_share=progress.within,
                )
        if processes.first:
            change_status(folder, epoch=epochs)
    return tuning.weights


def decide_promotion(folder: Path, request: Request, models: Models, name: str) -> Status:
    """Measure a candidate against the live version, record the decision, and act on it.

    A run that was killed after its promotion is done, also if another version is live by now. The
    same weights as those of an earlier run are measured again.
    """
    change_status(folder, state=MEASURING, step="", time_left_s=None)
    live = models.aliases().live
    if models.promotion(name, run=folder.name) is not None:
        mirror(models)
        reason = models.record(name)["decision"].get("reason", "")
        return change_status(folder, state=DONE, promoted=True, detail=reason)
    if name == live:  # trained to the same weights, or chosen by an admin meanwhile
        mirror(models)
        detail = "this version is in use already"
        return change_status(folder, state=DONE, promoted=name != request.base, detail=detail)
    read = read_cases([case for case in request.cases if case.held])
    pause = partial(wait_for_inference, models.root, quiet_s=request.quiet_s)
    decision = compare(models, live, name, read, before_each=pause)
    entry = {**decision_to_dict(decision), "against": live, "run": folder.name, "at": now()}
    changes = models.changes()
    entry["after"] = changes[-1].id if changes else ""
    left_out = (*read_status(folder).left_out, *read.left_out)
    models.note(name, decision=entry, left_out=list(left_out))
    if decision.promote:
        models.promote(name, instead_of=live)
    mirror(models)
    return change_status(
        folder,
        state=DONE,
        promoted=decision.promote,
        detail=decision.reason,
        left_out=left_out,
    )


def record_end(log: Path, folder: Path, status: Status, *, seconds: float) -> None:
    """Say in the audit log which model the run made live, if any, and how it ended.

    A run that goes on after a kill finds a change on record that the server has noted meanwhile.
    """
    models = models_of(folder)
    change = models.promotion(status.candidate or "", run=folder.name)
    if change is not None and change.id not in {e.get("change") for e in audit_log.read(log)}:
        details = {"run": folder.name, "models": models.root.name, "change": change.id}
        audit_log.record(log, "promote", model=change.told, details=details)
    audit_log.record(
        log,
        "train",
        model=status.candidate or "",
        seconds=seconds,
        details={"run": folder.name, "state": status.state, "promoted": status.promoted},
    )


def main(folder: Path, lock: Path, log: Path, *, schedule: Schedule = USUAL) -> int:
    """Exit code: 0 done, 1 failed, `BUSY` if another training is under way.

    lock: file that one training at a time holds; log: of `acsnet.annotations.audit_log`.
    """
    begun = time.perf_counter()
    try:
        request = read_request(folder)
        processes = launched(request.device)
        if hasattr(os, "nice"):
            os.nice(NICENESS)
        torch.set_num_threads(max(1, request.threads // processes.size))
        if not processes.first:
            if read_status(folder).candidate is None:
                train_parts(folder, request, schedule)
            return 0
        with FileLock(lock, timeout=0):
            status = perform(folder, schedule=schedule)
            record_end(log, folder, status, seconds=time.perf_counter() - begun)
    except Timeout:
        return BUSY
    except (AcsnetError, OSError) as error:
        Console(stderr=True, emoji=False).print(f"error: {error}", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
