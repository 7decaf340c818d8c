"""Compressed images whose decoder runs in a process of its own: JPEG Lossless and JPEG-LS."""

import importlib.util
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    UID,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from acsnet.errors import InputError, how_to_install

JPEG_LOSSLESS = UID("1.2.840.10008.1.2.4.57")  # pydicom 2 and 3 name it differently
APART = (
    JPEG_LOSSLESS,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEGExtended12Bit,
)
PROGRAM = Path(__file__).with_name("decode_apart.py")
SECONDS = 120.0
"""For all images of a stack: the largest take a few."""


def decoded_apart(files: Mapping[Path, UID]) -> dict[Path, NDArray[Any]]:
    """The pixel words of files, as far as the decoder came: (row, column) or (frame, row, column).

    files: the transfer syntax of each, which a bare file does not tell. A file that it cannot
    decode, and all after it, are missing. Raises InputError where SimpleITK, which decodes, is not
    installed.
    """
    if importlib.util.find_spec("SimpleITK") is None:
        msg = (
            f"{next(iter(files)).name}: this compression is decoded by SimpleITK, which is not "
            f"installed: {how_to_install('dicom')}"
        )
        raise InputError(msg)
    parts = [part for path, syntax in files.items() for part in (path.resolve(), syntax)]
    try:
        done = subprocess.run(  # noqa: S603 - a program of ours, and the paths are its input
            [sys.executable, "-I", str(PROGRAM)],
            input=b"".join(os.fsencode(part) + b"\0" for part in parts),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": tempfile.gettempdir()},
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {}
    out = io.BytesIO(done.stdout)
    pixels_by_path: dict[Path, NDArray[Any]] = {}
    for path in files:
        try:
            words = np.load(out, allow_pickle=False)
        except (EOFError, ValueError):
            break
        pixels_by_path[path] = words[0] if words.ndim == 3 and len(words) == 1 else words
    return pixels_by_path
