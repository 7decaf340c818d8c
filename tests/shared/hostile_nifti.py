"""Bytes to make hostile NIfTI files of."""

import gzip
import zlib

import nibabel as nib
import numpy as np


def nifti_bytes(shape=(12, 10, 3), *, affine=None, **fields):
    """A small scan, any field of whose header may be another."""
    data = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    image = nib.Nifti1Image(data, np.diag([1.5, 1.5, 8.0, 1.0]) if affine is None else affine)
    image.header.set_xyzt_units("mm")
    content = bytearray(image.to_bytes())
    header = nib.Nifti1Header(bytes(content[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    content[:348] = header.binaryblock
    return bytes(content)


def gzipped_zeros(count, level=9):
    """Compressed zero bytes, a thousandth of their size."""
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    pieces = [packer.compress(bytes(2**20)) for _ in range(count // 2**20)]
    return b"".join([*pieces, packer.flush()])


def bomb_of_pixels():
    """A scan that says 123 million voxels, all of them there, in less than 1 MB."""
    header = nifti_bytes(dim=[3, 640, 640, 300, 1, 1, 1, 1], datatype=2, bitpix=8)[:352]
    return gzip.compress(header) + gzipped_zeros(2**28)
