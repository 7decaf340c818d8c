"""Segment and measure scar on late gadolinium enhancement cardiac MRI. Research use only.

    from acsnet import Pipeline, read_scan

    result = Pipeline.load()(read_scan("scan.nii.gz"))

These names are the public API. Each is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acsnet.io import read_scan
    from acsnet.labels import Label
    from acsnet.pipeline import Pipeline
    from acsnet.result import Result
    from acsnet.scan import ShortAxisScan

__version__ = "0.3.0"

NOTICE = "Research use only. Not a medical device."
"""On all that is shown or written."""

__all__ = ["Label", "Pipeline", "Result", "ShortAxisScan", "read_scan"]

_MODULES = {
    "Label": "acsnet.labels",
    "Pipeline": "acsnet.pipeline",
    "Result": "acsnet.result",
    "ShortAxisScan": "acsnet.scan",
    "read_scan": "acsnet.io",
}


def __getattr__(name: str) -> Any:
    """A public name (PEP 562), so that `import acsnet` alone takes no time."""
    if name not in _MODULES:
        msg = f"module 'acsnet' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_MODULES[name]), name)
