import json
from types import SimpleNamespace

import numpy as np
import pytest

from acsnet.annotations import audit_log
from acsnet.errors import InputError
from acsnet.server.corrections.click_tasks import SCRIBBLES
from acsnet.server.inference.infer_options import (
    METHOD_TITLES,
    TITLES,
    Options,
    check_method,
    choice_of,
    named,
    options_of,
    unused,
)
from acsnet.server.inference.response import Answer
from acsnet.server.state.paths import audit_log_file


def test_what_a_client_does_not_choose_is_the_pipelines_own(pipeline):
    assert options_of({}) == Options()
    assert Options().on(pipeline) == pipeline


def test_a_client_chooses_the_scar_method_the_masks_and_whether_to_tell_how_sure_it_is(pipeline):
    chosen = options_of(
        {"scar_method": "half_max", "keep_valid_masks": False, "uncertainty": True}
    ).on(pipeline)
    assert chosen.scar_method == "half_max"
    assert not chosen.corrector.keep_valid
    assert chosen.uncertainty
    assert chosen.myocardium_net is pipeline.myocardium_net


@pytest.mark.parametrize(("text", "switch"), [("true", True), ("False", False), (" false ", False)])
def test_true_and_false_may_come_as_text(text, switch):
    chosen = options_of({"keep_valid_masks": text, "uncertainty": text})
    assert (chosen.keep_valid_masks, chosen.uncertainty) == (switch, switch)


@pytest.mark.parametrize("name", ["keep_valid_masks", "uncertainty"])
@pytest.mark.parametrize("value", ["yes", "", 1, None])
def test_a_switch_that_is_neither_true_nor_false_is_refused(name, value):
    with pytest.raises(InputError, match=f"{name} must be true or false"):
        options_of({name: value})


@pytest.mark.parametrize("nothing", [{}, {"phase": 0, "series": ""}, {"phase": "", "series": None}])
def test_where_nobody_chose_an_image_the_reader_decides(nothing):
    assert choice_of(nothing) == {"phase": None, "series": None}


def test_phase_and_series_come_as_clients_send_them():
    assert choice_of({"phase": 3, "series": 12}) == {"phase": 3, "series": "12"}
    assert choice_of({"phase": " 3", "series": "1.2.3 "}) == {"phase": 3, "series": "1.2.3"}


@pytest.mark.parametrize("phase", [-1, 1.5, True, "two", [1], 10**9])
def test_a_phase_that_is_no_number_of_an_image_is_refused(phase):
    with pytest.raises(InputError, match="phase must be a whole number"):
        choice_of({"phase": phase})


@pytest.mark.parametrize("series", [{"a": 1}, [1], True, "1" * 2000])
def test_a_series_that_is_no_name_is_refused(series):
    with pytest.raises(InputError, match="series must be"):
        choice_of({"series": series})


def test_what_a_viewer_shows_of_the_options_is_also_what_it_may_send():
    shown = {
        TITLES["scar_method"]: METHOD_TITLES["half_max"],
        TITLES["keep_valid_masks"]: False,
        "image": "x",
    }
    assert named(shown) == {"scar_method": "half_max", "keep_valid_masks": False, "image": "x"}
    assert named({"scar_method": ["remote", "half_max"]}) == {"scar_method": "remote"}
    both = {TITLES["scar_method"]: METHOD_TITLES["remote"], "scar_method": "remote"}
    assert named(both) == {"scar_method": "remote"}
    assert not set(TITLES.values()) & set(TITLES)


@pytest.mark.parametrize(("negative", "refused"), [(0, False), (1, False), (3, True)])
def test_half_of_the_peak_is_refused_on_signed_images_before_the_run(negative, refused):
    pixels = np.ones((2, 10, 10), np.float32)
    pixels.flat[:negative] = -5.0  # of 200: one is not yet signed, three are
    scan = SimpleNamespace(pixels=pixels, signal=None)
    check_method(scan, Options())
    if refused:
        with pytest.raises(InputError, match="negative values"):
            check_method(scan, Options(scar_method="half_max"))
    else:
        check_method(scan, Options(scar_method="half_max"))


def test_a_parameter_that_is_sent_twice_with_two_values_is_refused():
    with pytest.raises(InputError, match="scar_method and 'Threshold of core scar' are one param"):
        named({TITLES["scar_method"]: METHOD_TITLES["half_max"], "scar_method": "remote"})
    with pytest.raises(InputError, match="send one of them, or the same value"):
        named({TITLES["phase"]: 2, "phase": 1})


@pytest.fixture
def asked(web, monkeypatch):
    """Sends parameters to a model as 3D Slicer's module does; gives what reaches its task."""
    requests = []

    def segment(request):
        requests.append(request)
        raise InputError("asked")

    monkeypatch.setattr(web.app, "segment", segment)

    def asked(model, params):
        form = {"params": json.dumps(params)}
        answer = web.client.post(f"/infer/{model}?image={web.series}", data=form)
        assert (answer.status_code, answer.json()) == (422, {"detail": "asked"})
        return {name: value for name, value in requests[-1].parameters.items() if name in TITLES}

    return asked


def test_every_option_that_a_viewer_offers_reaches_the_task(web, asked):
    names = {title: name for name, title in TITLES.items()}
    methods = {title: name for name, title in METHOD_TITLES.items()}
    offered = {}
    for model, about in web.client.get("/info/").json()["models"].items():
        for title, value in about["config"].items():
            offered.setdefault(model, set()).add(names[title])
            sent = (
                value if isinstance(value, list) else [not value if isinstance(value, bool) else 2]
            )
            for choice in sent:
                wanted = methods.get(choice, choice)
                assert asked(model, {title: choice}) == {names[title]: wanted}
                assert asked(model, {names[title]: choice}) == {names[title]: wanted}
    assert offered == {
        "acsnet": {"scar_method", "keep_valid_masks", "uncertainty", "phase"},
        "roi": {"phase"},
        "myo": {"scar_method", "phase"},
        "acsnet_correct": {"keep_valid_masks", "phase"},
    }


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("scar_method", "a third of the peak", "scar_method must be one of"),
        ("keep_valid_masks", "yes", "keep_valid_masks must be true or false"),
        ("uncertainty", 1, "uncertainty must be true or false"),
        ("phase", "first", "phase must be a whole number"),
        ("phase", 2, "phase and series are for DICOM folders"),
    ],
)
def test_what_an_option_cannot_be_is_refused_by_either_name(web, name, value, reason):
    for called in (name, TITLES[name]):
        form = {"params": json.dumps({called: value})}
        answer = web.client.post("/infer/acsnet?image=a %26 <i>b", data=form)
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith(reason)


NRRD = {"result_extension": ".nrrd", "result_dtype": "uint8"}
OHIF = {**NRRD, "result_compress": False, "restore_label_idx": False}
POINTS = {"lv_blood_pool": [[1, 2, 3]], "left_ventricle": [], "background": []}
SENT = {
    "3D Slicer": {**NRRD, "client_id": "Ana"},
    "3D Slicer, points": {**POINTS, "label": "core_scar", "roi": [0, 9, 0, 9, 0, 5], "slice": 3},
    "3D Slicer, first points": {"foreground": [], "label": "core_scar", "reset_state": True},
    "3D Slicer, strokes": {
        **NRRD,
        "roi": [0, 9, 0, 9, 0, 5],
        "label_info": [{"name": "core_scar", "id": 4}],
        "selected_label_name": "core_scar",
    },
    "OHIF": {**OHIF, "label_prompt": [1, 2]},
    "OHIF, points": {**OHIF, **POINTS, "points": [[1, 2, 3]], "point_labels": [1]},
    "a login": {"user": "Ana", "client_id": "Ana"},
}
"""What viewers send beside the options that a model offers."""


@pytest.fixture(params=["acsnet", "roi", "myo", "acsnet_correct", "acsnet_click", SCRIBBLES])
def model(request, web, monkeypatch):
    """A model that answers at once."""
    held = {"features": {"warnings": ["own"]}} if request.param == "acsnet" else {}
    params = {"latencies": {}, **(held or {"warnings": ["own"]})}
    answer = Answer(labels=None, grid=None, params=params)
    monkeypatch.setattr(web.app._infers[request.param], "run", lambda _: answer)

    def warnings(sent):
        form = {"params": json.dumps(sent)}
        address = f"/infer/{request.param}?image={web.series}&output=json"
        told = web.client.post(address, data=form).json()
        return told["features"]["warnings"] if held else told["warnings"]

    offered = web.client.get("/info/").json()["models"][request.param]["config"]
    return SimpleNamespace(name=request.param, offered=offered, warnings=warnings)


def test_what_viewers_send_is_no_unknown_parameter(model):
    for sent in SENT.values():
        assert model.warnings({**model.offered, **sent}) == ["own"]


def test_a_parameter_that_does_nothing_is_told(model):
    first, *others = model.warnings({"scar_metod": "half_max", "uncertanty": True})
    told = "ignored: scar_metod, uncertanty"
    assert (first, others) == (f"not parameters of {model.name}, {told}", ["own"])


def test_a_parameter_of_another_model_is_told():
    sent = {"uncertainty": True, "phase": 1, "x" * 1000: 1}
    assert unused(sent, options=("phase",)) == f"uncertainty, {'x' * 40}"
    many = {f"p{number}": 1 for number in range(12)}
    assert unused(many, options=()) == "p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 2 more"


@pytest.mark.parametrize(
    ("params", "user"),
    [({}, ""), ({"user": "Ana"}, ""), ({"client_id": "Ben"}, "Ben")],
)
def test_the_audit_log_names_who_asked_by_what_3d_slicer_calls_it(web, params, user):
    """Strokes without a mask are refused at once, and are on record."""
    form = {"params": json.dumps({**params, "selected_label_name": "core_scar"})}
    answer = web.client.post(f"/infer/{SCRIBBLES}?image={web.series}", data=form)
    assert answer.status_code == 422, answer.text
    line = audit_log.read(audit_log_file())[-1]
    assert (line["event"], line["user"], line["image"]) == ("infer", user, web.series)
    assert (line["task"], line["done"]) == (SCRIBBLES, False)
