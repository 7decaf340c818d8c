import pytest

from acsnet.errors import InputError
from acsnet.pacs.dicom_folder import files_below, read_whole


def test_files_below_folders_are_found(tmp_path):
    for name in ("a/1.dcm", "a/b/2", "a/DICOMDIR"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    (tmp_path / "a" / "README.txt").write_text("hello")
    found = files_below([tmp_path / "a", tmp_path / "a" / "1.dcm"])
    assert [file.relative_to(tmp_path).as_posix() for file in found] == [
        "a/1.dcm",
        "a/b/2",
        "a/1.dcm",
    ]
    with pytest.raises(InputError, match="not there"):
        files_below([tmp_path / "nowhere"])
    with pytest.raises(InputError, match="no DICOM files"):
        files_below([])


def test_a_file_that_ends_too_soon_is_refused(samples, tmp_path):
    content = next((samples / "dicom").rglob("*.dcm")).read_bytes()
    path = tmp_path / "x.dcm"
    path.write_bytes(content)
    assert len(read_whole(path).PixelData) == 160 * 176 * 2
    for length in (len(content) - 2, 200, 0):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cut short|damaged"):
            read_whole(path)
