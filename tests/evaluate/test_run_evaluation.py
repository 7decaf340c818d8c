import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from labelled_stack import AFFINE, save_label_map
from rich.console import Console
from slicer_segmentations import slicer_segmentation

from acsnet.errors import InputError
from acsnet.evaluate import run_evaluation
from acsnet.evaluate.metrics import Mean
from acsnet.evaluate.tables import change, interval, number
from acsnet.io.label_map import read_label_file
from acsnet.label_conventions import CONVENTIONS, LV, region_masks

VOXEL_ML = 1.5 * 2.0 * 8.0 / 1000


@pytest.fixture
def folders(tmp_path, save):
    """Save one case's prediction and expert label map; returns both folders."""

    def add(name, predicted, expert):
        if predicted is not None:
            save(tmp_path / "predictions" / name / "segmentation.nii.gz", predicted)
        if expert is not None:
            save(tmp_path / "labels" / f"{name}.nii.gz", expert)
        return {"predictions": tmp_path / "predictions", "labels": tmp_path / "labels"}

    return add


def evaluate(folders, **options):
    console = Console(file=io.StringIO(), width=140)
    evaluation = run_evaluation(**folders, console=console, **options)
    return evaluation, console.file.getvalue()


def row(rows, **wanted):
    (found,) = [row for row in rows if all(getattr(row, key) == wanted[key] for key in wanted)]
    return found


def test_the_expert_against_itself_is_perfect(folders, labels):
    evaluation, _ = evaluate(folders("a", labels, labels), truth="acsnet")
    for region in ("lv", "myocardium", "enhancement", "core_scar"):
        total = row(evaluation.slice_rows, region=region, third="total")
        assert (total.dice.value, total.hausdorff_mm.value) == (1.0, 0.0)
        assert total.balanced_accuracy_percent.value == 100.0
        assert (total.missed_slices, total.false_slices) == (0, 0)
        volumes = row(evaluation.volume_rows, region=region)
        assert (volumes.bias_ml, volumes.normalised_mae_percent, volumes.volume_dice) == (0, 0, 1)
    assert row(evaluation.slice_rows, region="lv", third="total").slices == 3
    assert row(evaluation.slice_rows, region="enhancement", third="middle").slices == 1
    assert row(evaluation.slice_rows, region="enhancement", third="apex").slices == 0


def test_volumes_and_burden_come_from_the_files_own_voxels(folders, labels):
    predicted = labels.copy()
    predicted[3, 2:8, 2] = 3  # a second row of six
    evaluation, _ = evaluate(folders("a", predicted, labels), truth="acsnet")
    wall = 16 + 32 + 32
    volumes = row(evaluation.volume_rows, region="enhancement")
    assert volumes.expert_ml == pytest.approx(6 * VOXEL_ML)
    assert volumes.predicted_ml == pytest.approx(12 * VOXEL_ML)
    assert volumes.bias_ml == pytest.approx(6 * VOXEL_ML)
    assert volumes.normalised_mae_percent == pytest.approx(100.0)
    assert volumes.volume_dice == pytest.approx(12 / 18)
    assert row(evaluation.volume_rows, region="myocardium").expert_ml == pytest.approx(
        wall * VOXEL_ML
    )
    assert evaluation.burden.expert_percent == pytest.approx(100 * 6 / wall)
    assert evaluation.burden.bias_points == pytest.approx(100 * 6 / wall)
    assert evaluation.burden.mae_points == pytest.approx(100 * 6 / wall)
    # The new row is one row, 1.5 mm, further from the old one.
    distance = row(evaluation.slice_rows, region="enhancement", third="middle").hausdorff_mm
    assert distance.value == pytest.approx(1.5)


def test_the_limits_of_agreement_of_the_burden_are_printed(folders, labels):
    predicted = labels.copy()
    predicted[3, 2:8, 2] = 3  # 12 voxels of 80 instead of 6: 7.5 points more
    folders("a", predicted, labels)
    # Differences 7.5 and 0: mean 3.75, SD 5.303; 1.96 SD are 10.39.
    _, text = evaluate(folders("b", labels, labels), truth="acsnet")
    assert "+3.8 -6.6 to +14.1" in " ".join(text.split())


def test_numbers_in_tables_are_rounded_half_up():
    assert (number(0.125, 2), number(None, 2)) == ("0.13", "-")
    assert (change(0.125, 2), change(-0.125, 2), change(0.001, 2)) == ("+0.13", "-0.13", "0.00")
    assert interval(Mean(n=2, value=0.125, half_width_95=0.375), 2) == "0.13 ± 0.38"


def test_missed_and_false_slices_are_counted(folders, labels):
    predicted = labels.copy()
    predicted[..., 1] = 0  # the apex is missed
    predicted[3:7, 3:7, 0] = 2  # and drawn below it instead
    predicted[2, 2:8, 3] = 3  # enhancement at the base that the expert did not see
    evaluation, text = evaluate(folders("a", predicted, labels), truth="acsnet")
    apex = row(evaluation.slice_rows, region="lv", third="apex")
    assert (apex.slices, apex.missed_slices, apex.false_slices) == (1, 1, 1)
    assert (apex.dice.value, apex.hausdorff_mm.n, apex.hausdorff_mm.value) == (0.0, 0, None)
    assert apex.balanced_accuracy_percent.value == 50.0
    total = row(evaluation.slice_rows, region="lv", third="total")
    assert (total.slices, total.dice.value) == (3, pytest.approx(2 / 3))
    base = row(evaluation.slice_rows, region="enhancement", third="base")
    assert (base.slices, base.false_slices, base.dice.value) == (0, 1, None)
    assert "Research use only, not a medical device." in text


def test_an_empty_prediction_is_scored_and_its_burden_left_out(folders, labels):
    folders("empty", np.zeros_like(labels), labels)
    evaluation, text = evaluate(folders("full", labels, labels), truth="acsnet")
    assert row(evaluation.slice_rows, region="lv", third="total").dice.value == 0.5
    assert (evaluation.burden.patients, evaluation.burden.left_out) == (1, 1)
    assert row(evaluation.volume_rows, region="lv").normalised_mae_percent == pytest.approx(50.0)
    assert "Left out" in text


@pytest.mark.parametrize("form", ["layers", "layers of old", "cut", "cut and turned", "padded"])
def test_an_expert_in_every_form_that_quantify_reads_is_scored(folders, labels, tmp_path, form):
    """Of 6 voxels of enhancement in a wall of 16 + 32 + 32, on slices of 8 mm."""
    folder = folders("a", labels, None)
    (tmp_path / "labels").mkdir()
    if form.startswith("layers"):
        parts = [("lv_blood_pool", 1), ("lv_myocardium", 2), ("grey_zone", 3), ("core_scar", 4)]
        layers = [(labels == value).astype(np.uint8) for _, value in parts]
        layers[1] = (labels >= 2).astype(np.uint8)  # the wall goes on below its scar
        numbers = [(None, None) if "old" in form else (1, layer) for layer in range(4)]
        named = [(name, *two) for (name, _), two in zip(parts, numbers, strict=True)]
        path = tmp_path / "labels" / "a.seg.nrrd"
        slicer_segmentation(path, layers, named, affine=AFFINE)
    else:
        affine, first = AFFINE.copy(), -1 if form == "padded" else 1
        affine[:3, 3] = first * AFFINE[:3, :3].sum(axis=1)
        expert = np.pad(labels, 1) if form == "padded" else labels[1:-1, 1:-1, 1:]
        if form == "cut and turned":
            expert, affine = expert.transpose(2, 0, 1), affine[:, [2, 0, 1, 3]]
        save_label_map(tmp_path / "labels" / "a.nii.gz", expert, affine)
    evaluation, _ = evaluate(folder, truth="acsnet")
    for region, count in {"lv": 16 + 36 + 36, "myocardium": 80, "enhancement": 6}.items():
        volumes = row(evaluation.volume_rows, region=region)
        assert volumes.expert_ml == pytest.approx(count * VOXEL_ML)
        assert volumes.volume_dice == 1.0
    assert evaluation.burden.expert_percent == pytest.approx(100 * 6 / 80)
    assert evaluation.cases[0].spacing_mm == (8.0, 2.0, 1.5)
    assert evaluation.cases[0].thirds == ("apex", "apex", "middle", "base")


def test_an_expert_on_other_voxels_is_refused_with_both_files(folders, labels, tmp_path):
    folder = folders("a", labels, None)
    moved = AFFINE.copy()
    moved[0, 3] = 0.7
    save_label_map(tmp_path / "labels" / "a.nii.gz", labels, moved)
    off = r"a\.nii\.gz must lie on .* up to 0\.7 mm off; .* of .*a/segmentation\.nii\.gz"
    with pytest.raises(InputError, match=off):
        evaluate(folder, truth="acsnet")


def test_cine_truth_has_no_enhancement_and_may_run_from_base_to_apex(folders, labels):
    to_acdc = np.array([0, 3, 2, 2, 2, 2], dtype=np.uint8)
    predicted = labels[..., ::-1]
    expert = to_acdc[predicted]
    expert[0, 0] = 1  # right ventricle
    evaluation, text = evaluate(folders("a", predicted, expert), truth="acdc")
    assert {each.region for each in evaluation.slice_rows} == {"lv", "myocardium"}
    assert evaluation.burden is None
    assert evaluation.cases[0].thirds == ("apex", "apex", "middle", "base")
    assert row(evaluation.slice_rows, region="lv", third="total").dice.value == 1.0
    assert "scar burden" not in text


def test_no_value_is_cut_where_the_terminal_is_narrow(folders, labels):
    console = Console(file=io.StringIO(), width=60)
    run_evaluation(**folders("a", labels, labels), truth="acsnet", console=console)
    assert "…" not in console.file.getvalue()


def test_json_holds_every_slice_and_no_nan(folders, labels, tmp_path):
    path = tmp_path / "scores.json"
    evaluation, _ = evaluate(folders("a", labels, labels), truth="acsnet", json_path=path)
    content = json.loads(path.read_text())
    assert content == json.loads(json.dumps(evaluation.to_dict()))
    (case,) = content["cases"]
    assert case["spacing_mm"] == [8.0, 2.0, 1.5]
    assert case["regions"]["enhancement"]["dice"] == [1.0, 1.0, 1.0, 1.0]
    assert case["regions"]["enhancement"]["hausdorff_mm"] == [None, None, 0.0, None]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "labels",
        "predictions",
        "scores.json",
    ]


def test_a_json_file_in_a_folder_that_is_not_there_is_refused_at_once(folders, labels, tmp_path):
    with pytest.raises(InputError, match="nowhere is not a folder"):
        evaluate(
            folders("a", labels, labels), truth="acsnet", json_path=tmp_path / "nowhere" / "a.json"
        )


def test_what_has_no_partner_is_named_and_left_out(folders, labels):
    folders("unlabelled", labels, None)
    folders("failed", None, labels)
    folders("not_asked_for", None, labels)
    folder = folders("good", labels, labels)
    (folder["predictions"] / "failed").mkdir()
    evaluation, text = evaluate(folder, truth="acsnet")
    assert [case.name for case in evaluation.cases] == ["good"]
    assert len(evaluation.warnings) == 3
    assert "failed is left out" in evaluation.warnings[0]
    assert "unlabelled is left out" in evaluation.warnings[1]
    assert "Warning: failed is left out" in text
    missing = "2 of 3 label maps have no prediction: failed, not_asked_for"
    assert evaluation.warnings[2] == missing
    assert missing in text
    assert missing in evaluation.to_dict()["warnings"]


def test_of_many_cases_without_a_prediction_a_few_are_named(folders, labels):
    for name in ("n4", "n3", "n2", "n1"):
        folders(name, None, labels)
    evaluation, _ = evaluate(folders("good", labels, labels), truth="acsnet")
    assert evaluation.warnings == ("4 of 5 label maps have no prediction: n1, n2, n3, ...",)


def test_experts_who_drew_no_scar_at_all_may_not_have_looked_for_it(folders, labels):
    walls = np.minimum(labels, 2)
    words = "in all expert labels, no scar is drawn: 0 holds only if somebody looked for it"
    folder = folders("a", labels, walls)
    assert evaluate(folder, truth="acsnet")[0].warnings == (words,)
    assert evaluate(folders("b", labels, labels), truth="acsnet")[0].warnings == ()


def test_nothing_to_evaluate_is_an_error(folders, labels, tmp_path):
    with pytest.raises(InputError, match="no case to evaluate"):
        evaluate({**folders("a", labels, None), "labels": tmp_path}, truth="acsnet")
    with pytest.raises(InputError, match="nowhere is not a folder"):
        evaluate({**folders("a", labels, labels), "labels": tmp_path / "nowhere"}, truth="acsnet")
    with pytest.raises(InputError, match=r"truth must be one of emidec, .*acsnet, got 'other'"):
        evaluate(folders("a", labels, labels), truth="other")


def test_a_value_that_the_truth_does_not_know_is_refused_by_name(folders, labels):
    with pytest.raises(InputError, match=r"a\.nii\.gz holds the values 4, .*'acdc'"):
        evaluate(folders("a", labels, labels), truth="acdc")


def test_an_expert_who_drew_nothing_is_refused_by_name(folders, labels):
    with pytest.raises(InputError, match=r"a\.nii\.gz holds no left ventricle"):
        evaluate(folders("a", labels, np.zeros_like(labels)), truth="acsnet")


@pytest.mark.slow
@pytest.mark.skipif("ACSNET_DATA" not in os.environ, reason="needs ACSNET_DATA")
@pytest.mark.parametrize(("truth", "count"), [("emidec", 3), ("acdc", 3)])
def test_real_expert_labels_against_themselves(tmp_path, save, truth, count):
    to_own = {"emidec": [0, 1, 2, 4, 5], "acdc": [0, 0, 2, 1]}[truth]
    folder = Path(os.environ["ACSNET_DATA"]) / truth / "labels"
    for path in sorted(folder.glob("*.nii.gz"))[-count:]:
        expert = read_label_file(path)
        predicted = np.array(to_own, dtype=np.uint8)[expert.labels]
        name = path.name.removesuffix(".nii.gz")
        save(tmp_path / name / "segmentation.nii.gz", predicted, expert.affine)
        assert region_masks(expert.labels, truth, source=name)[LV].any()
    evaluation, _ = evaluate({"predictions": tmp_path, "labels": folder}, truth=truth)
    assert len(evaluation.cases) == count
    for region in CONVENTIONS[truth].regions:
        total = row(evaluation.slice_rows, region=region, third="total")
        assert (total.dice.value, total.hausdorff_mm.value) == (1.0, 0.0)
