"""Surfaces are closed, lie where the voxels lie, and enclose as much."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from acsnet.labels import Label
from acsnet.report.meshes import surface, surfaces, write_surfaces


def box(slices=6, rows=20, columns=24):
    mask = np.zeros((slices + 4, 40, 40), bool)
    mask[2 : 2 + slices, 10 : 10 + rows, 8 : 8 + columns] = True
    return mask


def test_a_box_keeps_its_volume_and_its_place_in_patient_coordinates():
    spacing = 8.0, 1.5, 1.5
    to_ras = np.diag((8.0, 1.5, 1.5, 1.0))
    to_ras[:3, 3] = 100.0, -50.0, 25.0
    mesh = surface(box(), to_ras, spacing)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(6 * 20 * 24 * 8.0 * 1.5 * 1.5, rel=0.005)
    # Slices 2 to 7, rows 10 to 29, columns 8 to 31: the middle voxel is (4.5, 19.5, 19.5), in RAS
    # (136, -20.75, 54.25). LPS turns the first two around.
    assert mesh.center_mass == pytest.approx((-136.0, 20.75, 54.25), abs=0.05)


@pytest.mark.parametrize("slice_mm", [5.0, 8.0, 13.0])
def test_a_ball_in_thick_slices_keeps_its_volume(slice_mm):
    spacing = slice_mm, 1.2, 1.2
    index = np.indices((int(90 / slice_mm) + 4, 80, 80)).astype(float)
    at_mm = (index - (np.array(index.shape[1:])[:, None, None, None] - 1) / 2) * np.reshape(
        spacing, (3, 1, 1, 1)
    )
    ball = (at_mm**2).sum(axis=0) < 35.0**2
    mesh = surface(ball, np.diag((*spacing, 1.0)), spacing)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(ball.sum() * np.prod(spacing), rel=0.005)


def test_too_few_voxels_have_no_surface():
    mask = np.zeros((3, 9, 9), bool)
    mask[1, 2:4, 2:5] = True
    assert surface(mask, np.eye(4), (1.0, 1.0, 1.0)) is None


def test_the_surfaces_of_a_heart_are_closed_and_enclose_its_volumes(measured):
    found = surfaces(measured)
    features = measured.features
    assert all(mesh.is_watertight for mesh in found.values())
    assert found["endocardium"].volume / 1000 == pytest.approx(
        features.blood_pool_volume_ml, rel=0.005
    )
    assert found["epicardium"].volume / 1000 == pytest.approx(features.lv_volume_ml, rel=0.005)
    core, grey = (found[name].volume / 1000 for name in ("core_scar", "grey_zone"))
    assert core == pytest.approx(features.core_scar_volume_ml, rel=0.03)
    assert grey == pytest.approx(features.grey_zone_volume_ml, rel=0.03)


@pytest.mark.parametrize("thick", [1, 2])
def test_a_thin_rim_keeps_its_volume(thick):
    radius = np.hypot(*(np.indices((60, 60)) - 29.7))
    rim = np.zeros((7, 60, 60), bool)
    rim[2:5] = (radius >= 15) & (radius < 15 + thick)
    mesh = surface(rim, np.diag((8.0, 1.4, 1.4, 1.0)), (8.0, 1.4, 1.4))
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(rim.sum() * 8.0 * 1.4 * 1.4, rel=0.03)


def test_files_can_be_read_back_in_their_units(measured, tmp_path):
    files = write_surfaces(measured, tmp_path)
    assert {file.suffix for file in files} == {".stl", ".ply", ".glb"}
    volume = trimesh.load_mesh(tmp_path / "meshes" / "endocardium.ply").volume
    stl = trimesh.load_mesh(tmp_path / "meshes" / "endocardium.stl")
    assert stl.volume == pytest.approx(volume, rel=1e-3)
    scene = trimesh.load_scene(tmp_path / "meshes" / "all.glb")
    # Cubic metres.
    assert scene.geometry["endocardium"].volume == pytest.approx(volume * 1e-9, rel=1e-3)


def test_files_of_what_is_gone_are_removed(measured, tmp_path):
    write_surfaces(measured, tmp_path)
    (tmp_path / "meshes" / "mine.stl").write_text("of somebody else")
    labels = np.where(measured.labels == Label.CORE_SCAR, Label.LV_MYOCARDIUM, measured.labels)
    write_surfaces(replace(measured, labels=labels), tmp_path)
    assert not (tmp_path / "meshes" / "core_scar.stl").exists()
    assert (tmp_path / "meshes" / "endocardium.stl").exists()
    assert (tmp_path / "meshes" / "mine.stl").exists()
