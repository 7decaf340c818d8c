"""Closed surface meshes of the ventricle and its scar, for simulation and mapping systems.

Slices are repeated to the pixel spacing and smoothed, and the iso-level is sought at which the
surface encloses the volume of the voxels; marching cubes of Lewiner et al.
(doi:10.1080/10867651.2003.10487582). Coordinates are the patient's, LPS, mm, as in DICOM. Not from
the paper: the smoothing.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.measure import marching_cubes

from acsnet.labels import LABELS, Label
from acsnet.report.files import ALL_MESHES, MESH_FILES, MESH_KINDS, MESHES, PARTS
from acsnet.result import Measured
from acsnet.storage import write_bytes

SMOOTHING_PIXELS, SMOOTHING_SLICES = 1.0, 0.5  # standard deviation in the plane, along the stack
STEP = 0.001  # resolution of the smoothed mask
MIN_VOXELS = 8  # fewer have no shape
METRES = 0.001  # glTF asks for metres; STL and PLY have no unit and are millimetres


def surface(
    mask: NDArray[np.bool_], stack_to_ras: NDArray[np.float64], spacing_mm: tuple[float, ...]
) -> trimesh.Trimesh | None:
    """Watertight surface, LPS mm, of a (slice, row, column) mask; None for too few voxels.

    stack_to_ras: (4, 4) index of the stack -> RAS mm.
    """
    if mask.sum() < MIN_VOXELS:
        return None
    slice_mm, row_mm, column_mm = spacing_mm
    copies = max(round(slice_mm / max(row_mm, column_mm)), 1)
    corner = np.array([inside.min() for inside in np.nonzero(mask)])
    end = np.array([inside.max() + 1 for inside in np.nonzero(mask)])
    cropped = mask[tuple(slice(*ends) for ends in zip(corner, end, strict=True))]
    fine = np.pad(np.repeat(cropped, copies, axis=0), copies + 3).astype(np.float32)
    blurred = gaussian_filter(
        fine, (SMOOTHING_SLICES * copies, SMOOTHING_PIXELS, SMOOTHING_PIXELS), mode="constant"
    )
    # Between two steps: a corner on the surface would make faces without area.
    stepped = np.round(blurred / STEP).astype(np.float32)
    wanted = float(mask.sum() * abs(np.linalg.det(stack_to_ras[:3, :3])))

    def at(step: int) -> trimesh.Trimesh:
        vertices, faces, _, _ = marching_cubes(stepped, step - 0.5)
        index = vertices - (copies + 3)
        # The centre of a slice is the centre of its copies.
        index[:, 0] = (index[:, 0] - (copies - 1) / 2) / copies
        ras = (index + corner) @ stack_to_ras[:3, :3].T + stack_to_ras[:3, 3]
        mesh = trimesh.Trimesh(ras * (-1.0, -1.0, 1.0), faces)
        if mesh.volume < 0:
            mesh.invert()
        return mesh

    # The higher the level, the smaller what it encloses.
    low, high = 1, int(stepped.max())
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at(middle).volume > wanted else (low, middle)
    return min((at(low), at(high)), key=lambda mesh: abs(mesh.volume - wanted))


def surfaces(result: Measured) -> dict[str, trimesh.Trimesh]:
    """The surfaces of a result by the names of `PARTS`; absent parts are left out."""
    to_ras = result.scan.grid.stack_to_ras
    made = {
        name: surface(np.isin(result.labels, labels), to_ras, result.scan.spacing_mm)
        for name, labels in PARTS.items()
    }
    return {name: mesh for name, mesh in made.items() if mesh is not None}


def write_surfaces(result: Measured, folder: Path) -> tuple[Path, ...]:
    """Write FOLDER/meshes/<part>.stl and .ply, mm, and all.glb, metres; returns the files.

    Files of absent parts are removed.
    """
    target = folder / MESHES
    target.mkdir(parents=True, exist_ok=True)
    made = surfaces(result)
    contents = {
        f"{name}.{kind}": mesh.export(file_type=kind)
        for name, mesh in made.items()
        for kind in MESH_KINDS
    }
    if made:
        contents[ALL_MESHES] = _scene(made).export(file_type="glb")
    for name in MESH_FILES:
        if name not in contents:
            (target / name).unlink(missing_ok=True)
    for name, content in contents.items():
        write_bytes(target / name, content)
    return tuple(target / name for name in contents)


def _scene(meshes: Mapping[str, trimesh.Trimesh]) -> trimesh.Scene:
    """All parts in metres, in the colours of their labels, the epicardium translucent."""
    colours = {info.label: info.colour for info in LABELS}
    scene = trimesh.Scene()
    for name, mesh in meshes.items():
        part = mesh.copy()
        part.apply_scale(METRES)
        last = Label.LV_MYOCARDIUM if name == "epicardium" else PARTS[name][0]
        opacity = 90 if name == "epicardium" else 255
        part.visual.face_colors = (*colours[last], opacity)
        scene.add_geometry(part, geom_name=name, node_name=name)
    return scene
