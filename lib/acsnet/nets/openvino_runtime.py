"""OpenVINO without telemetry, which would report every start to a web service, in any language.

Its telemetry package is hidden before the import, as if it were not installed. And it compares
names of its own settings by the case rules of the C library, in which i and I are no pair in
Turkish, Azerbaijani and some other languages: "EXPLICIT" would then be none of its words.
"""

import locale
import re
import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # None: "not installed"

from openvino import Core, Model, Tensor, Type, opset13  # noqa: E402

__all__ = ["Core", "Model", "Tensor", "Type", "opset13"]


def pairs_i() -> bool:
    """Whether i and I are one letter in two cases by the C library's rules, as in English."""
    return re.fullmatch(b"i", b"I", re.IGNORECASE | re.LOCALE) is not None


def pair_i() -> None:
    """Take the case rules of English where i and I are no pair; other languages keep theirs.

    Of this process, from now on. Names of files keep their encoding, which Python chose at start.
    """
    if pairs_i():
        return
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:  # some systems have only this one
        locale.setlocale(locale.LC_CTYPE, "C")


pair_i()
