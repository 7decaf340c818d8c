"""The two phantom patients of the sample data: this script writes them.

python benchmarks/sample_patients.py --output sample-data
"""

import argparse
from pathlib import Path

from acsnet.phantom.make import make_phantom
from acsnet.phantom.spec import Contrast, PhantomSpec
from shared.phantom_files import write_dicom, write_nifti, write_truth

SAMPLE_PATIENTS = (
    PhantomSpec(
        name="phantom-1",
        seed=101,
        matrix=(160, 176),
        spacing_mm=(10.0, 1.6, 1.6),
        first_slice_mm=4.0,
        lv_length_mm=78.0,
        endocardial_radius_mm=24.0,
        wall_mm=9.0,
        scar_centre_degrees=150.0,
        scar_extent_degrees=90.0,
        scar_depth=1.0,
        scar_slices=(1, 6),
        core_fraction=0.7,
        noise=0.025,
        rotation_degrees=6.0,
    ),
    PhantomSpec(
        name="phantom-2",
        seed=202,
        matrix=(176, 160),
        spacing_mm=(9.0, 1.45, 1.45),
        first_slice_mm=3.0,
        lv_length_mm=72.0,
        endocardial_radius_mm=27.0,
        wall_mm=11.0,
        scar_centre_degrees=330.0,
        scar_extent_degrees=75.0,
        scar_depth=0.6,
        scar_slices=(1, 6),
        core_fraction=0.6,
        centre_mm=(0.0, 0.0),
        rotation_degrees=-25.0,
        tilt_degrees=(8.0, -6.0),
        contrast=Contrast(blood=0.46, myocardium=0.08, core=0.6, lung=0.04, liver=0.25),
        noise=0.04,
        phase_sensitive=True,
        base_first=True,
    ),
)
"""A transmural anteroseptal scar; a subendocardial inferolateral scar, phase sensitive."""


def write_samples(folder: Path) -> None:
    """Write nifti/, dicom/ and truth/ below a folder."""
    for spec in SAMPLE_PATIENTS:
        phantom = make_phantom(spec)
        write_nifti(phantom, folder / "nifti")
        write_dicom(phantom, folder / "dicom" / spec.name)
        write_truth(phantom, folder / "truth")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    write_samples(parser.parse_args().output)
