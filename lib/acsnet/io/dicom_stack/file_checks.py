"""What the pixels of a DICOM file must not be, other than its tags tell of, and what they lack."""

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000, UID, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import DicomFile

PIXEL_TAGS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
MATRIX_TAGS = (
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
"""What tells how the pixels of a file are written, of all its frames."""

DESCRIBING = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
)
"""Without these nothing tells how pixels are written."""

OF_WHOLE_NUMBERS = ("BitsStored", "PixelRepresentation")
"""And without these, where they are no floating point numbers."""

LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit)
PERHAPS_LOSSY = (JPEG2000, JPEGLSNearLossless)
"""Compression that loses detail, or does unless LossyImageCompression says otherwise."""


def check_described(name: str, dataset: Dataset) -> None:
    """Refuse pixels that lack a tag without which they cannot be decoded, by its name."""
    tags = (*DESCRIBING, *(OF_WHOLE_NUMBERS if "PixelData" in dataset else ()))
    missing = [tag for tag in tags if dataset.get(tag) in (None, "")]
    if missing:
        msg = f"pixels of {name} cannot be read: its header has no {', '.join(missing)}"
        raise InputError(msg)


def check_length(name: str, dataset: Dataset, *, plain: int) -> None:
    """Refuse uncompressed pixels that do not fill the matrix, or are more than it holds.

    plain: bytes of all pixels, by the header. Behind them may lie less than a row and a column of
    anything, or a row of one value: padding.
    """
    tag = next(tag for tag in PIXEL_TAGS if tag in dataset)
    pixels = dataset[tag].value or b""
    stored, behind = len(pixels), pixels[plain:]
    frame = plain // max(int(dataset.get("NumberOfFrames") or 1), 1)
    row, column = (frame // max(count, 1) for count in (dataset.Rows, dataset.Columns))
    blank = len(behind) <= row and len(set(behind)) == 1
    if stored >= plain and (blank or len(behind) < max(min(row, column), 2)):
        return
    few = "do not fill the matrix (damaged or cut short?)"
    fault = few if stored < plain else "are more than the matrix holds (a wrong tag?)"
    sizes = ("Rows", "Columns", "BitsAllocated", "NumberOfFrames")
    shape = ", ".join(f"{size} {dataset.get(size)}" for size in sizes if size in dataset)
    msg = (
        f"pixels of {name} cannot be read: they {fault}: {tag} has {stored} bytes, where {shape} "
        f"make {plain}"
    )
    raise InputError(msg)


def loss_remarks(files: Sequence[DicomFile]) -> list[str]:
    """What to tell of images that were compressed with loss, now or before they came."""
    losses = [loss for file in files if (loss := _loss(file))]
    if not losses:
        return []
    of = "images were" if len(losses) == len(files) else f"{len(losses)} images were"
    return [
        f"{of} compressed with loss ({losses[0]}): volumes and scar may be off; export the series "
        "without it"
    ]


def _loss(file: DicomFile) -> str:
    """How an image was compressed with loss; empty where it was not. Archives may decompress it."""
    tag = file.text("LossyImageCompression")
    if tag == "01":
        ratio = file.text("LossyImageCompressionRatio")
        return "LossyImageCompression 01" + (f", ratio {ratio}" if ratio else "")
    syntax = UID(getattr(getattr(file.header, "file_meta", None), "TransferSyntaxUID", ""))
    return syntax.name if may_lose_detail(syntax, tag) else ""


def may_lose_detail(syntax: UID, tag: str) -> bool:
    """Whether an image was compressed with loss by its transfer syntax and LossyImageCompression.

    Where neither tells, it may be.
    """
    return syntax in LOSSY or (syntax in PERHAPS_LOSSY and tag != "00")
