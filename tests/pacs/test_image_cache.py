"""Images of a PACS on this machine: damaged ones are never used."""

import pytest

from acsnet.pacs.image_cache import DIGESTS, ImageCache


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        (tmp_path / f"1.{number}.dcm").write_bytes(b"pixels %d" % number)
    ImageCache().note(tmp_path, subject="4711")
    return tmp_path


@pytest.mark.parametrize("content", [b"", b"pixels", b"pixels 9"])
def test_a_damaged_image_is_removed_and_the_others_are_kept(folder, content):
    (folder / "1.1.dcm").write_bytes(content)
    assert ImageCache().remove_outdated(folder, subject="4711") == 1
    assert sorted(file.name for file in folder.glob("*.dcm")) == ["1.0.dcm", "1.2.dcm"]


def test_an_image_that_was_fetched_again_is_whole(folder):
    (folder / "1.1.dcm").write_bytes(b"")
    cache = ImageCache()
    cache.remove_outdated(folder, subject="4711")
    (folder / "1.1.dcm").write_bytes(b"as the PACS has it now")
    cache.note(folder, subject="4711")
    assert (
        cache.remove_outdated(folder, subject="4711")
        == ImageCache().remove_outdated(folder, subject="4711")
        == 0
    )


def test_an_image_is_looked_at_again_once_it_was_written_to(folder):
    cache = ImageCache()
    assert cache.remove_outdated(folder, subject="4711") == 0
    (folder / "1.2.dcm").write_bytes(b"shorter")
    assert cache.remove_outdated(folder, subject="4711") == 1


def test_what_an_earlier_version_fetched_is_taken_as_it_is(folder):
    (folder / DIGESTS).unlink()
    assert ImageCache().remove_outdated(folder, subject="4711") == 0
    (folder / "1.0.dcm").write_bytes(b"damaged later")
    assert ImageCache().remove_outdated(folder, subject="4711") == 1


def test_damaged_digests_only_cost_another_download(folder):
    (folder / DIGESTS).write_bytes(b"\x00{")
    assert ImageCache().remove_outdated(folder, subject="4711") == 3


def test_images_of_a_patient_who_is_called_otherwise_by_now_are_removed(folder):
    cache = ImageCache()
    assert cache.remove_outdated(folder, subject="4711") == 0
    assert cache.remove_outdated(folder, subject="4712") == 3
