"""Several images at one slice position: told apart and one of them chosen, or refused."""

from pathlib import Path

import pytest
from oblique_stack import COLUMNS, ROWS, SERIES, everywhere, folder, image, save, stored

from acsnet.errors import GeometryError
from acsnet.io import read_scan


def two_at_a_position(root: Path, first: dict[str, object], second: dict[str, object]) -> Path:
    for index in range(3):
        for which, tags in enumerate((first, second)):
            dataset = image(index)
            dataset.SOPInstanceUID = f"{SERIES}.{index}.{which + 1}"
            dataset.InstanceNumber = 1
            dataset.PixelData = (stored(index) + 1000 * which).tobytes()
            everywhere(**tags)(index, dataset)
            save(dataset, root / "case" / f"{index}{'ab'[which]}.dcm")
    return root / "case"


class TestSeveralImagesAtOnePosition:
    def test_cardiac_phases_are_counted_and_the_tag_named(self, tmp_path: Path) -> None:
        path = two_at_a_position(tmp_path, {"TriggerTime": 700}, {"TriggerTime": 20})
        with pytest.raises(GeometryError) as caught:
            read_scan(path)
        assert str(caught.value) == (
            "2 images at each of 3 slice positions (0b.dcm and 0a.dcm lie at one): 2 cardiac "
            "phases, told apart by TriggerTime (20.0, 700.0); choose one with --phase N, "
            "N from 1 to 2"
        )

    @pytest.mark.parametrize(("phase", "first_pixel"), [(1, 1000), (2, 0)])
    def test_a_phase_is_picked_by_the_tag(
        self, tmp_path: Path, phase: int, first_pixel: int
    ) -> None:
        path = two_at_a_position(tmp_path, {"TriggerTime": 700}, {"TriggerTime": 20})
        scan = read_scan(path, phase=phase)
        assert scan.pixels.shape == (3, ROWS, COLUMNS)
        assert scan.pixels[0, 0, 0] == first_pixel

    @pytest.mark.parametrize("phase", [0, 3, -1])
    def test_a_phase_out_of_range_is_refused(self, tmp_path: Path, phase: int) -> None:
        path = two_at_a_position(tmp_path, {"TriggerTime": 700}, {"TriggerTime": 20})
        with pytest.raises(GeometryError, match=f"N from 1 to 2; got phase {phase}"):
            read_scan(path, phase=phase)

    def test_magnitude_and_phase_sensitive_are_told_apart_by_image_type(
        self, tmp_path: Path
    ) -> None:
        kinds = [{"ImageType": ["ORIGINAL", "PRIMARY", kind]} for kind in ("M", "PS")]
        path = two_at_a_position(tmp_path, kinds[0], kinds[1])
        with pytest.raises(
            GeometryError,
            match=r"2 image types, told apart by ImageType \(ORIGINAL\\PRIMARY\\M, ORIGINAL\\PR",
        ):
            read_scan(path)
        assert read_scan(path, phase=2).pixels[0, 0, 0] == 1000

    def test_a_phase_that_would_mix_image_types_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "case"
        for index in range(3):
            for which, kind in enumerate(["M", "M", "PS", "PS"]):
                dataset = image(index)
                dataset.SOPInstanceUID = f"{SERIES}.{index}.{which}"
                dataset.ImageType = ["ORIGINAL", "PRIMARY", kind]
                dataset.InstanceNumber = 1 + (which + 2 * index) % 4
                save(dataset, path / f"{index}{which}.dcm")
        with pytest.raises(GeometryError, match="phase 1 by InstanceNumber would mix image types"):
            read_scan(path, phase=1)

    def test_images_that_no_tag_tells_apart_are_refused(self, tmp_path: Path) -> None:
        path = two_at_a_position(tmp_path, {}, {})
        with pytest.raises(GeometryError, match=r"no tag tells them apart: 0a\.dcm and 0b\.dcm"):
            read_scan(path, phase=1)

    def test_positions_with_different_counts_are_refused(self, tmp_path: Path) -> None:
        path = two_at_a_position(tmp_path, {"TriggerTime": 1}, {"TriggerTime": 2})
        (path / "1b.dcm").unlink()
        with pytest.raises(GeometryError, match=r"got 1 to 2: 0a\.dcm and 0b\.dcm .* 1a\.dcm at"):
            read_scan(path, phase=1)

    def test_one_image_a_position_is_phase_1(self, tmp_path: Path) -> None:
        path = folder(tmp_path)
        assert len(read_scan(path, phase=1).pixels) == 4
        with pytest.raises(GeometryError, match="phase must be 1, got 2: there is one image at"):
            read_scan(path, phase=2)
