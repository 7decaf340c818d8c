"""Several series in one folder: which is read, and what is left out."""

from pathlib import Path

import pytest
from oblique_stack import COLUMNS, ROWS, folder, image, save, stored
from pydicom.uid import UID

from acsnet.errors import InputError
from acsnet.io import read_scan


class TestSeveralSeries:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = folder(tmp_path)
        for index in range(3):
            dataset = image(index, series="1.2.3.5")
            dataset.SeriesNumber = 8
            dataset.PixelData = (stored(index) + 5000).tobytes()
            save(dataset, path / "other" / f"{index}")
        return path

    def test_are_listed(self, path: Path) -> None:
        with pytest.raises(InputError, match="--series") as caught:
            read_scan(path)
        message = str(caught.value)
        assert "case holds 2 MR series" in message
        assert "1.2.3.4 (number 7, 'LGE SA', MR, 4 files)" in message
        assert "1.2.3.5 (number 8, 'LGE SA', MR, 3 files)" in message

    @pytest.mark.parametrize("series", ["1.2.3.5", "8"])
    def test_are_told_apart_by_uid_or_number(self, path: Path, series: str) -> None:
        scan = read_scan(path, series=series)
        assert scan.pixels.shape == (3, ROWS, COLUMNS)
        assert scan.pixels[0, 0, 0] == 5000

    def test_an_unknown_one_is_refused_with_the_list(self, path: Path) -> None:
        with pytest.raises(InputError, match=r"case has no series '9'; .* from 1\.2\.3\.4 \("):
            read_scan(path, series="9")

    def test_a_number_that_two_share_is_refused(self, path: Path) -> None:
        for index in range(2):
            save(image(index, series="1.2.3.6"), path / "third" / f"{index}")
        with pytest.raises(InputError, match="case has 2 series '7'"):
            read_scan(path, series="7")

    def test_objects_beside_the_one_mr_series_are_left_out_with_a_warning(
        self, tmp_path: Path
    ) -> None:
        path = folder(tmp_path / "beside")
        report = image(0, series="1.2.9")
        report.SOPClassUID, report.Modality = UID("1.2.840.10008.5.1.4.1.1.88.22"), "SR"
        for tag in ("PixelData", "Rows", "Columns"):
            delattr(report, tag)
        save(report, path / "report.dcm")
        scan = read_scan(path)
        assert len(scan.pixels) == 4
        assert scan.warnings == ("left out of the folder: 1.2.9 (number 7, 'LGE SA', SR, 1 files)",)
        with pytest.raises(InputError, match=r"series '1\.2\.9' in case must be MR, got .* SR"):
            read_scan(path, series="1.2.9")
