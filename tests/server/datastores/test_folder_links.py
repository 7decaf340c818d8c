"""A served studies folder of long paths, and of links into an annex, a folder for each file."""

import shutil

import nibabel as nib
import numpy as np
import oblique_stack
import pytest
import SimpleITK as sitk  # noqa: N813
from saved_labels import save_label
from ways_in import by_server

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.server.datastores import folder_links
from acsnet.server.datastores.folder import StudiesDatastore


@pytest.fixture
def source(samples):
    return samples / "nifti" / "phantom-1.nii.gz"


@pytest.fixture
def annex(tmp_path):
    """Moves a file of the studies folder into the annex, and leaves a link to it."""

    def annex(file, *, key):
        place = tmp_path / "annex" / file.name / key
        place.parent.mkdir(parents=True)
        shutil.move(file, place)
        file.symlink_to(place)

    (tmp_path / "studies").mkdir()
    return annex


@pytest.mark.parametrize("ending", [".mhd", ".nhdr", ".hdr"])
def test_a_header_and_its_pixels_that_are_links_are_one_scan(source, annex, tmp_path, ending):
    header = tmp_path / "studies" / f"lge{ending}"
    if ending == ".hdr":
        image = nib.load(source)
        nib.save(nib.Nifti1Pair(np.asanyarray(image.dataobj), image.affine), header)
    else:
        sitk.WriteImage(sitk.ReadImage(str(source)), str(header))
    for file in list(header.parent.iterdir()):
        annex(file, key=f"SHA256E-s1--{file.name.encode().hex()}{file.suffix}")
    (scan,) = by_server(header.parent)
    np.testing.assert_array_equal(scan.pixels, read_scan(source).pixels)


def test_a_link_to_a_file_that_is_not_called_as_a_scan_is_one(source, annex, tmp_path):
    file = tmp_path / "studies" / "lge.nii.gz"
    shutil.copy(source, file)
    annex(file, key="SHA256-s1--00")
    (scan,) = by_server(file.parent)
    assert scan.name == "lge"


def test_a_header_that_is_a_link_leads_to_no_pixels_elsewhere(source, annex, tmp_path):
    header = tmp_path / "studies" / "lge.mhd"
    sitk.WriteImage(sitk.ReadImage(str(source)), str(header))
    header.with_suffix(".raw").rename(tmp_path / "lge.raw")
    header.write_text(header.read_text().replace("lge.raw", "../lge.raw"))
    annex(header, key="SHA256E-s1--00.mhd")
    with pytest.raises(InputError, match="must lie beside it"):
        by_server(header.parent)


@pytest.fixture
def store(tmp_path):
    """The served folder `studies`, with nothing in it yet."""
    (tmp_path / "studies").mkdir()
    store = StudiesDatastore(studies=tmp_path / "studies", store=tmp_path / "store")
    yield store
    store.close()


def test_scans_are_expected_where_some_were_worked_on_that_no_client_sent(store, source, tmp_path):
    assert not store.expects_scans()
    store.add_image("sent", str(source), {})
    store.update_image_info("sent", {"strategy": {}})
    assert not store.expects_scans()
    lge = shutil.copy(source, tmp_path / "studies" / "lge.nii.gz")
    store.refresh()
    store.update_image_info("lge", {"strategy": {}})
    lge.unlink()
    store.refresh()
    assert store.expects_scans()


def write_slices(folders, *, names=None, series="1.2.3.4"):
    """Slices of one series, each in a folder of its own; names: of the files, else all alike."""
    for index, folder in enumerate(folders):
        name = names[index] if names else "MR000000.dcm"
        oblique_stack.save(oblique_stack.image(index, series=series), folder / name)


def slices_of(store, image):
    return len(read_scan(store.get_image_uri(image)).pixels)


def test_files_of_one_series_in_folders_with_long_names_arrive_as_one_scan(store, tmp_path):
    deep = tmp_path / "studies" / ("d" * 150) / ("\u00e9" * 60)  # 150 + 1 + 120 bytes, and more
    write_slices([deep / f"MR {index}" for index in range(3)])
    store.refresh()
    assert store.list_images() == ["1.2.3.4"]
    assert slices_of(store, "1.2.3.4") == 3


def test_files_of_one_series_whose_paths_are_alike_when_joined_are_all_read(store, tmp_path):
    studies = tmp_path / "studies"
    names = ["b_1.dcm", "1.dcm", "1.dcm"]
    write_slices([studies, studies / "b", studies / "c"], names=names)
    store.refresh()
    assert slices_of(store, "1.2.3.4") == 3


def test_a_series_that_cannot_be_linked_to_costs_that_series_alone(store, tmp_path, caplog):
    studies = tmp_path / "studies"
    write_slices([studies / "a"] * 3, names="012", series="1.2.3.4")
    write_slices([studies / "b"] * 3, names="012", series="1.2.3.5")
    in_its_place = tmp_path / "store" / "series" / "1.2.3.4"
    in_its_place.touch()
    store.refresh()
    assert slices_of(store, "1.2.3.5") == 3
    reason = "its files cannot be linked to: Not a directory"
    assert store.verdict("1.2.3.4").reason == reason
    store.refresh()
    assert caplog.messages == [f"a series is refused: {reason}"]
    in_its_place.unlink()
    store.refresh()
    assert slices_of(store, "1.2.3.4") == 3
    assert store.verdict("1.2.3.4").reason != reason


def test_a_file_with_a_long_path_is_a_scan_like_any_other(source, store, tmp_path):
    folder = tmp_path / "studies" / ("d" * 150)
    folder.mkdir()
    for ending in (".nii.gz", ".nii"):  # one name for both
        nib.save(nib.load(source), folder / f"{'e' * 100}{ending}")
    store.refresh()
    head = f"{'d' * 150}_{'e' * 40}"
    # The digests begin those of `printf %s NAME | sha256sum`.
    assert store.list_images() == [f"{head}-2b879a4c", f"{head}-4fce7ce4"]
    for image in store.list_images():
        assert read_scan(store.get_image_uri(image)).pixels.any()


def test_a_scan_that_is_left_out_for_its_name_is_said_with_the_rule(
    source, store, tmp_path, caplog
):
    caplog.set_level("INFO")
    for name in ("x\\y", "a/b/c", "a/b_c", "a_b/c"):
        file = tmp_path / "studies" / f"{name}.nii.gz"
        file.parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(source, file)
    write_slices([tmp_path / "studies" / "s"], series="1\\2")
    store.refresh()
    store.refresh()
    assert store.list_images() == ["a_b_c", "a_b_c_nii_gz", "a_b_c_nii_gz_nii_gz"]
    file = tmp_path / "store" / "skipped.txt"
    assert file.stat().st_mode & 0o077 == 0
    assert file.read_text().splitlines() == [
        "s was skipped: SeriesInstanceUID must be a name without / and \\, not a path: '1\\\\2'",
        "x\\y.nii.gz was skipped: its path must make a name without / and \\, not a path",
    ]
    # Paths name patients: the log says no more than how many.
    assert caplog.messages == [f"2 files or folders are skipped: see {file}"]


def test_the_list_of_what_is_skipped_is_made_anew_at_a_start(source, tmp_path):
    studies, file = tmp_path / "studies", tmp_path / "store" / "skipped.txt"
    studies.mkdir()
    shutil.copy(source, studies / "x\\y.nii.gz")
    StudiesDatastore(studies=studies, store=tmp_path / "store").close()
    listed = file.read_bytes()
    file.write_bytes(b"damaged")
    StudiesDatastore(studies=studies, store=tmp_path / "store").close()
    assert file.read_bytes() == listed
    (studies / "x\\y.nii.gz").unlink()
    StudiesDatastore(studies=studies, store=tmp_path / "store").close()
    assert file.read_bytes() == b""


def test_labels_whose_scan_is_none_any_more_are_told(store, tmp_path, caplog):
    """The other half of the ventricle comes in under a lower number, whose id both have then."""
    for number, places in ((2, range(3)), (1, range(3, 6))):
        for index in places:
            image = oblique_stack.image(index, series=f"1.2.3.{number}")
            image.SOPInstanceUID, image.SeriesNumber = f"1.2.3.{number}.{index}", number
            oblique_stack.save(image, tmp_path / "studies" / f"{number}" / f"{index}.dcm")
        store.refresh()
        if number == 2:
            labels = np.full(read_scan(store.get_image_uri("1.2.3.2")).grid.shape, 2, np.uint8)
            save_label(store, "1.2.3.2", labels)
            store.refresh()
            assert not (tmp_path / "store" / "skipped.txt").exists()
    assert store.list_images() == ["1.2.3.1"]
    file = tmp_path / "store" / "skipped.txt"
    told = "1.2.3.2 is no scan any more: its saved label maps (1) are kept and not used"
    assert file.read_text().splitlines() == [told]
    # Ids of files name patients: the log says no more than how many.
    assert f"1 ids with label maps, no scans: see {file}" in caplog.messages
    assert not [text for text in caplog.messages if "1.2.3.2" in text]


def test_series_are_put_together_again_only_when_a_file_changes(samples, tmp_path, monkeypatch):
    shutil.copytree(samples / "dicom" / "phantom-1", tmp_path / "studies")
    looks, scans_of = [], folder_links.scans_of
    monkeypatch.setattr(folder_links, "scans_of", lambda found: looks.append(0) or scans_of(found))
    one = StudiesDatastore(studies=tmp_path / "studies", store=tmp_path / "store")
    one.refresh()
    assert (len(one.list_images()), len(looks)) == (1, 1)
    shutil.rmtree(tmp_path / "studies")
    (tmp_path / "studies").mkdir()
    one.refresh()
    assert (len(one.list_images()), len(looks)) == (0, 2)
    one.close()
