"""Folders whose files hold several stacks: each is a scan of its own by every way in."""

import enhanced_packings
import numpy as np
import packed_scans
import pytest
from ways_in import by_cohort, by_server, fingerprint

from acsnet.cohort.inputs import list_scans
from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.server.datastores.folder import StudiesDatastore

pytestmark = pytest.mark.slow


def test_magnitude_and_phase_sensitive_images_are_two_scans_of_a_served_folder(samples, tmp_path):
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")
    folder = packed_scans.magnitude_and_phase_sensitive(datasets, tmp_path / "studies")
    with pytest.raises(AcsnetError, match="2 image types"):
        read_scan(folder)
    served, listed = by_server(folder), by_cohort(folder)
    assert sorted(map(fingerprint, served)) == sorted(map(fingerprint, listed))
    one, other = served
    assert abs(float(one.pixels.mean() - other.pixels.mean())) == pytest.approx(100, abs=1)


def test_each_of_a_few_inversion_times_is_a_scan_beside_the_series_that_asks(samples, tmp_path):
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")
    folder = packed_scans.inversion_times(datasets, tmp_path / "studies", times_ms=(250, 300, 350))
    with pytest.raises(AcsnetError, match="3 inversion times"):
        read_scan(folder)
    store = StudiesDatastore(studies=folder, store=tmp_path / "store")
    try:
        whole, *phases = sorted(store.list_images())
        assert [phase.removeprefix(whole) for phase in phases] == [f"-phase-{n}" for n in (1, 2, 3)]
        info = store.get_image_info(phases[2])
        assert "3 of 3 inversion times, InversionTime 350" in info["SeriesDescription"]
        with pytest.raises(AcsnetError, match="3 inversion times"):
            read_scan(store.get_image_uri(whole))
        scans = [read_scan(store.get_image_uri(phase)) for phase in phases]
        chosen = read_scan(store.get_image_uri(whole), phase=3)
    finally:
        store.close()
    levels = [float(scan.pixels.mean() - scans[0].pixels.mean()) for scan in scans]
    assert levels == pytest.approx([0, 10, 20], abs=0.5)
    assert np.array_equal(chosen.pixels, scans[2].pixels)
    listed = list(list_scans(str(folder), output=tmp_path / "out"))
    assert sorted(one.case.partition("-phase-")[2] for one in listed) == ["", "1", "2", "3"]


def test_phases_of_one_enhanced_object_are_scans_beside_it(samples, tmp_path):
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")
    folder = enhanced_packings.enhanced_multi_frame(datasets, tmp_path / "studies", phases=2)
    store = StudiesDatastore(studies=folder, store=tmp_path / "store")
    try:
        whole, first, second = sorted(store.list_images())
        assert "cardiac phases" in store.get_image_info(second)["SeriesDescription"]
        with pytest.raises(AcsnetError, match="2 cardiac phases"):
            read_scan(store.get_image_uri(whole))
        scans = [read_scan(store.get_image_uri(image)) for image in (first, second)]
        expected = [read_scan(folder, phase=number) for number in (1, 2)]
    finally:
        store.close()
    for scan, other in zip(scans, expected, strict=True):
        assert np.array_equal(scan.pixels, other.pixels)
        assert scan.frame_numbers == other.frame_numbers
    assert not np.array_equal(scans[0].pixels, scans[1].pixels)
    sources = [one for one in list_scans(str(folder), output=tmp_path / "out") if one.phase]
    assert sorted(map(fingerprint, (one.read() for one in sources))) == sorted(
        map(fingerprint, scans)
    )
    assert len({one.content() for one in sources}) == 2


def test_of_a_cine_a_few_phases_are_scans_and_none_of_them_shows_scar(samples, tmp_path):
    """Neither its name nor a tag says cine: that there are twelve trigger times does."""
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")
    folder = tmp_path / "studies"
    for phase in range(12):
        for number, dataset in enumerate(datasets):
            packed_scans.new_uid(dataset)
            dataset.SeriesDescription = dataset.ProtocolName = "sax"
            dataset.TriggerTime, dataset.InversionTime = 40.0 * phase, None
            packed_scans.save(dataset, folder / f"{phase:02d}-{number}.dcm")
    store = StudiesDatastore(studies=folder, store=tmp_path / "store")
    try:
        images = sorted(store.list_images(), key=len)
        numbers = [image.rpartition("-phase-")[2] for image in images[1:]]
        assert sorted(map(int, numbers)) == [1, 3, 5, 7, 9, 11]
        scans = {image: read_scan(store.get_image_uri(image)) for image in images[1:]}
        infos = [store.get_image_info(image)["SeriesDescription"] for image in images[1:]]
    finally:
        store.close()
    assert {scan.contrast for scan in scans.values()} == {"cine"}
    assert any("3 of 12 cardiac phases, TriggerTime 80" in info for info in infos)
    third = read_scan(folder, phase=3)
    assert scans[f"{images[0]}-phase-3"].instance_uids == third.instance_uids
    listed = [one.read() for one in list_scans(str(folder), output=tmp_path / "out") if one.phase]
    assert sorted(map(fingerprint, listed)) == sorted(map(fingerprint, scans.values()))


def test_two_stacks_in_one_series_are_two_scans_of_a_served_folder(samples, tmp_path):
    folder = tmp_path / "studies"
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")
    packed_scans.write(folder, datasets)
    normal = np.cross(*np.reshape(np.array(datasets[0].ImageOrientationPatient, float), (2, 3)))
    row = np.array(datasets[0].ImageOrientationPatient, float)[:3]
    first = np.array(datasets[0].ImagePositionPatient, float)
    for number, dataset in enumerate(datasets[:4]):
        packed_scans.new_uid(dataset)
        dataset.ImageOrientationPatient = [f"{v:.8f}" for v in (*row, *normal)]
        place = first + 10.0 * number * np.cross(row, normal)
        dataset.ImagePositionPatient = [f"{v:.6f}" for v in place]
        packed_scans.save(dataset, folder / f"other-{number}.dcm")
    with pytest.raises(AcsnetError, match="mixed orientations"):
        read_scan(folder)
    assert sorted(len(scan.pixels) for scan in by_server(folder)) == [4, 8]
    assert sorted(len(scan.pixels) for scan in by_cohort(folder)) == [4, 8]
