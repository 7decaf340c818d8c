"""The pixels of DICOM images: decoded, rescaled, and brought to one scale."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixel_data_handlers.util import apply_modality_lut, get_expected_length
from pydicom.uid import UID, UncompressedTransferSyntaxes

from acsnet.errors import InputError
from acsnet.io.dicom_files.bounded_file import check_inflated
from acsnet.io.dicom_files.dicom_file import DicomFile, damage_as, number_of
from acsnet.io.dicom_stack.decoding.apart import APART, decoded_apart
from acsnet.io.dicom_stack.decoding.coded_sizes import check_coded
from acsnet.io.dicom_stack.decoding.stored_bits import (
    OddBits,
    padding_of,
    stored_values,
    whole_number,
)
from acsnet.io.dicom_stack.decoding.transfer_syntax import set_syntax
from acsnet.io.dicom_stack.file_checks import (
    MATRIX_TAGS,
    PIXEL_TAGS,
    check_described,
    check_length,
    may_lose_detail,
)
from acsnet.io.dicom_stack.scales import on_one_scale
from acsnet.io.limits import MAX_BYTES
from acsnet.io.wrapped import WORDS, is_wrapped, other_sign

NEEDED = (*MATRIX_TAGS, "PixelPaddingValue", "PixelPaddingRangeLimit", *PIXEL_TAGS)
"""To decode pixels. Whatever else a file holds behind them would fill the memory."""

MAX_FILE_BYTES = 2 * MAX_BYTES
"""Of the plain pixels of one file: all phases of a cine in one object are a third of that."""

OF_BITS = {
    "left out": "bits above HighBit (an overlay?) left out in {} images",
    "signal": "BitsStored is too small in {} images: all bits are taken as signal",
    "below": "HighBit is too large in {} images: the values are taken from the lowest bits",
}
"""Bits beyond those that BitsStored and HighBit tell of, and what to tell of them."""


@dataclass(frozen=True, kw_only=True)
class Mistold:
    """Which tags are wrong in all images of a stack, because they plainly are in one of them.

    all_bits: BitsStored is too small; low_bits: HighBit is too large; swap_sign:
    PixelRepresentation has the wrong sign.
    """

    all_bits: bool = False
    low_bits: bool = False
    swap_sign: bool = False


@dataclass(frozen=True, kw_only=True)
class Image:
    """The values of one image.

    pixels: (row, column), rescaled by slope and intercept; padding: mask of what the header calls
    padding, or None; odd_bits: whether bits beyond the stored ones held something else, which was
    left out, or was signal, too; wrapped: whether PixelRepresentation has the wrong sign; rescaled:
    what to tell where it was brought to one scale with the others by other tags; coding: what to
    tell of its compression, with {} for the number of such images.
    """

    pixels: NDArray[np.float32]
    padding: NDArray[np.bool_] | None
    slope: float
    intercept: float
    odd_bits: OddBits
    wrapped: bool = False
    rescaled: str | None = None
    coding: str = ""


def pixel_remarks(images: Sequence[Image]) -> list[str]:
    """What to tell of compression, bits and scales other than the tags tell of."""
    codings = Counter(image.coding for image in images if image.coding)
    remarks = [words.format(count) for words, count in codings.items()]
    bits = [image.odd_bits for image in images]
    remarks += [words.format(bits.count(kind)) for kind, words in OF_BITS.items() if kind in bits]
    if any(image.wrapped for image in images):
        remarks.append(WORDS)
    return [*remarks, *dict.fromkeys(image.rescaled for image in images if image.rescaled)]


def pixels_of(files: Sequence[DicomFile]) -> list[Image]:
    """The values of the images of a stack. Raises InputError where one cannot be decoded."""
    mistold = Mistold()
    images = list(_decoded_images(files, mistold))
    if any(image.odd_bits == "below" for image in images):
        mistold = replace(mistold, low_bits=True)
        images = list(_decoded_images(files, mistold))
    if any(image.odd_bits == "signal" for image in images):
        mistold = replace(mistold, all_bits=True)
        images = list(_decoded_images(files, mistold))
    if any(image.wrapped for image in images):
        images = list(_decoded_images(files, replace(mistold, swap_sign=True)))
    planes, slopes = zip(*((image.pixels, image.slope) for image in images), strict=True)
    if (scaled := on_one_scale(planes, files, slopes)) is None:
        return images
    pixels, remark = scaled
    pairs = zip(images, pixels, strict=True)
    return [replace(image, pixels=plane, rescaled=remark) for image, plane in pairs]


def values_of(files: Sequence[DicomFile]) -> Iterator[NDArray[np.float32]]:
    """The rescaled values of images one after another, each by its own tags alone.

    Raises InputError where one cannot be decoded.
    """
    return (image.pixels for image in _decoded_images(files, Mistold()))


def _decoded_images(files: Sequence[DicomFile], mistold: Mistold) -> Iterator[Image]:
    """The values of images one after another, each file decoded once."""
    last: tuple[Path, Dataset, str, NDArray[Any]] | None = None
    apart: dict[Path, NDArray[Any]] | None = None
    for file in files:
        if last is None or last[0] != file.path:  # frames of one file come one after another
            dataset, coding = stored_pixels(file)
            if _syntax(dataset) in APART and apart is None:
                apart = _decoded_apart(files)
            last = file.path, dataset, coding, _decoded(file, dataset, apart)
        _, dataset, coding, words = last
        plane = words if file.frame is None or words.ndim == 2 else words[file.frame]
        yield replace(_image(file, dataset, plane, mistold), coding=coding)


def _decoded_apart(files: Sequence[DicomFile]) -> dict[Path, NDArray[Any]]:
    """The pixel words of all such files at once, which are looked at before any is decoded."""
    plain, syntaxes = 0, {}
    for path, file in {file.path: file for file in files}.items():
        dataset, _ = stored_pixels(file)
        if (syntax := _syntax(dataset)) in APART:
            plain += get_expected_length(dataset)
            syntaxes[path] = syntax
    if plain > MAX_FILE_BYTES:
        msg = f"{files[0].name} and its stack are too large: {plain / 1e9:.1f} GB of pixels"
        raise InputError(msg)
    return decoded_apart(syntaxes)


def stored_pixels(file: DicomFile) -> tuple[Dataset, str]:
    """A file's pixel words, as they lie in it, with the tags that explain them; `Image.coding`.

    Raises InputError where there are none, or where they do not fill the matrix.
    """
    name = file.name
    with damage_as(f"{name} cannot be read as DICOM (damaged or cut short?)"):
        check_inflated(file.path, name)
        dataset = pydicom.dcmread(file.path, force=True, specific_tags=list(NEEDED))
        has_pixels = any(tag in dataset for tag in PIXEL_TAGS)
    if not has_pixels:
        msg = f"{name} has no pixel data"
        raise InputError(msg)
    if coding := set_syntax(dataset, name=name):
        lossy = may_lose_detail(_syntax(dataset), file.text("LossyImageCompression"))
        coding += ", and may have lost detail: volumes and scar may be off" if lossy else ""
    with _named_decoding(name, _syntax(dataset)):
        check_described(name, dataset)
        plain = get_expected_length(dataset)
        if plain > MAX_FILE_BYTES:
            msg = f"{name} is too large: {plain / 1e9:.1f} GB of pixels in one file"
            raise InputError(msg)
        check_coded(name, dataset, plain=plain)
        if not _syntax(dataset).is_encapsulated:
            check_length(name, dataset, plain=plain)
    return dataset, coding


def _syntax(dataset: Dataset) -> UID:
    return UID(str(dataset.file_meta.TransferSyntaxUID))


def _decoded(
    file: DicomFile, dataset: Dataset, apart: dict[Path, NDArray[Any]] | None
) -> NDArray[Any]:
    """The pixel words of a file; apart: those that were decoded in another process."""
    syntax = _syntax(dataset)
    with _named_decoding(file.name, syntax):
        if syntax not in APART:
            if hasattr(dataset, "pixel_array_options"):
                # pydicom 3 would clear the upper bits, wherever HighBit says that the values lie.
                dataset.pixel_array_options(correct_unused_bits=False)
            words: NDArray[Any] = dataset.pixel_array
            return words
        decoded = None if apart is None else apart.get(file.path)
        if decoded is None or decoded.shape[-2:] != (dataset.Rows, dataset.Columns):
            msg = "not decoded, or to another size"
            raise ValueError(msg)
        return decoded


def _named_decoding(name: str, syntax: UID) -> AbstractContextManager[None]:
    """Whatever a decoder raises becomes an InputError with the reason."""
    if syntax not in UncompressedTransferSyntaxes:
        reason = f"transfer syntax {syntax.name} ({syntax}) cannot be decoded"
    else:
        reason = "the tags that describe them contradict each other, or are damaged"
    return damage_as(f"pixels of {name} cannot be read: {reason}")


def _image(file: DicomFile, dataset: Dataset, words: NDArray[Any], mistold: Mistold) -> Image:
    slope = _number(file, "RescaleSlope", 1.0)
    intercept = _number(file, "RescaleIntercept", 0.0)
    if slope == 0.0:
        msg = f"RescaleSlope of {file.name} must not be 0"
        raise InputError(msg)
    values, odd_bits = stored_values(
        words, dataset, all_bits=mistold.all_bits, low_bits=mistold.low_bits
    )
    padding = padding_of(values, dataset)
    all_of_word = 8 * words.dtype.itemsize
    bits = all_of_word if mistold.all_bits else whole_number(dataset, "BitsStored") or 0
    wrapped = mistold.swap_sign or is_wrapped(values, bits=bits)
    if mistold.swap_sign:
        values = other_sign(values, bits=bits)
    signal = values
    if file.header.get("ModalityLUTSequence"):  # PS3.3 C.11.1: in the stead of slope and intercept
        with damage_as(f"ModalityLUTSequence of {file.name} cannot be applied (damaged?)"):
            signal = apply_modality_lut(values, file.header)
    with np.errstate(all="ignore"):  # what float32 cannot hold is refused as infinite
        pixels = (signal * slope + intercept).astype(np.float32)
    return Image(
        pixels=pixels,
        padding=padding,
        slope=slope,
        intercept=intercept,
        odd_bits=odd_bits,
        wrapped=wrapped,
    )


def _number(file: DicomFile, tag: str, otherwise: float) -> float:
    text = file.text(tag)
    value = number_of(text) if text else otherwise
    if value is None:
        msg = f"{file.name} must have {tag} with 1 numbers, got {text}"
        raise InputError(msg)
    return value


def stacked_padding(images: Sequence[Image]) -> NDArray[np.bool_] | None:
    """(slice, row, column) mask of padding; None where no image declares any."""
    masks = [image.padding for image in images]
    if all(mask is None for mask in masks):
        return None
    nothing = np.zeros(images[0].pixels.shape, bool)
    return np.stack([nothing if mask is None else mask for mask in masks])
