"""What a decision of the gate was based on: one that was based on something else is made anew.

The name of a version tells its weights, but "shipped" is another version after an upgrade.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from acsnet.fine_tuning.model_registry import SHIPPED_NAME, Models
from acsnet.fine_tuning.training_request import Case, read_request, run_folders
from acsnet.nets.weights import MANIFEST
from acsnet.storage import sha256_of


def basis_of(models: Models, live: str, cases: Iterable[Case]) -> dict[str, str]:
    """Digests of the manifests of the live and of the shipped version, and of the measured cases.

    Of a case count its name, its label and whether that was accepted unchanged.
    """
    measured = sorted((case.name, case.sha256, case.unchanged) for case in cases)
    return {
        "live": sha256_of(models.weights(live) / MANIFEST),
        "shipped": sha256_of(models.weights(SHIPPED_NAME) / MANIFEST),
        "cases": hashlib.sha256(json.dumps(measured).encode()).hexdigest(),
    }


def held_out(models: Models) -> list[Case]:
    """The cases that the newest training held out; none where there was none."""
    runs = run_folders(models.root)
    return [case for case in read_request(runs[-1]).cases if case.held] if runs else []


def still_holds(decision: Mapping[str, Any], models: Models, live: str) -> bool:
    """Whether a recorded decision is against what is live now, on the cases held out now.

    Not where a case was left out, nor for a decision of an earlier release, which has no basis.
    """
    basis = basis_of(models, live, held_out(models))
    return decision["against"] == live and decision.get("basis") == basis
