"""Paths of the state folder, where the server writes; it never writes to the studies folder."""

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from acsnet.pacs.config import is_dicomweb, pacs_settings
from acsnet.settings import read_settings
from acsnet.storage import make_folder

VERSIONS = "versions"
"""The folder of a store with all labels that people ever saved."""
RECORDS = "records"
"""The folder of a store with what is noted of each scan, and of the draft of it."""
EARLIER_RECORDS = "datastore_v2.json"
"""The file of a store with all that, until a server of layout 3 or later takes it up."""

DEFAULT_PORTS = {"http": ":80", "https": ":443"}

DETAILS = "details"
"""The folder of a store with what readers entered beside labels."""
CLICKS = "clicks"
"""The folder of a store with what readers clicked and have not saved yet."""
UNSENT = "unsent"
"""The folder of a store with reports that its PACS did not take, and that are nowhere else."""
AUDIT = "audit.jsonl"
"""The file of the state folder with who did what."""
SCORES = "scores.jsonl"
"""The file of a store with the history of scores."""
DECISIONS = "decisions.jsonl"
"""The file of a store with what was decided on the SEGs of its PACS."""
SAVES = "saves.jsonl"
"""The file of a store with who sent which SEG to its PACS."""
CONTENTS = "contents.jsonl"
"""The file of a store with what the files of each scan with labels held, in each state of them."""


def state_folder() -> Path:
    """`$ACSNET_STATE`, or else the user's XDG state folder for this program."""
    return read_settings().state_folder


def audit_log_file() -> Path:
    """The file for `acsnet.annotations.audit_log`: one for all studies of this state folder."""
    return state_folder() / AUDIT


def store_folder(studies: Path) -> Path:
    """The folder for the labels and records of one studies folder.

    Its name carries a digest of the full path: two folders called `nifti` never share labels.
    """
    studies = studies.resolve()
    return state_folder() / "studies" / _numbered(studies.name, str(studies))


def pacs_store(url: str) -> Path:
    """The folder for what the server fetches from the PACS at `url`, or keeps beside it.

    It is one for all ways to write the host and the port, but for where an earlier version made
    one for this way.
    """
    parts = urlsplit(url)
    netloc = parts.netloc.lower().removesuffix(DEFAULT_PORTS[parts.scheme])
    usual = parts._replace(netloc=netloc).geturl()
    host, folder = str(parts.hostname), state_folder() / "pacs"
    earlier = folder / _numbered(host, url)
    return earlier if earlier.exists() else folder / _numbered(host, usual)


def _numbered(name: str, address: str) -> str:
    return f"{name}-{hashlib.sha256(address.encode()).hexdigest()[:10]}"


def has_labels(store: Path) -> bool:
    """Whether people saved labels on the scans of a store, or decided on the SEGs of its PACS."""
    versions, decisions = (store / VERSIONS).glob("*"), (store / DECISIONS, store / SAVES)
    return any(versions) or any(file.exists() for file in decisions)


def of_studies(studies: str) -> Path:
    """`store_folder` of a studies folder, or `pacs_store` of the PACS at an address."""
    if is_dicomweb(studies):
        return pacs_store(pacs_settings(studies).url)
    return store_folder(Path(studies))


def models_folder(studies: str) -> Path:
    """The model registry's folder for a studies folder, or for the PACS at an address."""
    return state_folder() / "models" / of_studies(studies).name


def edits_folder(studies: str) -> Path:
    """The folder of what readers drew and have not saved yet, for a studies folder or a PACS."""
    return state_folder() / "edits" / of_studies(studies).name


def training_lock() -> Path:
    """The file that a training holds: one at a time for all studies of this state folder."""
    return state_folder() / "training.lock"


def private_folder(folder: Path) -> Path:
    """Make `folder`, readable by its owner alone: it will hold what belongs to patients."""
    make_folder(folder)
    return folder
