"""The work list is put together from what has changed, in every order, with every filter."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.server.pages import case_index
from acsnet.server.pages.case_index import ORDERS, CaseIndex
from acsnet.server.pages.cases import Case, State
from acsnet.server.state.paths import DETAILS


class Store:
    """Cases by id with a revision each, and one for all of them where it is known."""

    folder = Path("nowhere")

    def __init__(self, *images, generation=0):
        self.revisions = dict.fromkeys(images, 0)
        self.now = generation

    def change(self, image):
        self.revisions[image] = self.revisions.get(image, 0) + 1
        self.now = None if self.now is None else self.now + 1

    def status(self):
        return {}

    def generation(self):
        return self.now

    def revision(self, image):
        return self.revisions[image]

    def list_images(self):
        return list(self.revisions)


def case(image, **about):
    values = {
        "title": image,
        "details": "",
        "names": "",
        "date": "",
        "study": "",
        "state": State.NEW,
    }
    made = SimpleNamespace(**{"id": image, "warnings": (), "shown": None, **values, **about})
    made.measure = lambda name: about.get("burden")
    return made


@pytest.fixture
def built(monkeypatch):
    """Ids of the cases that were put together; about: what is to be said of each."""
    built = SimpleNamespace(ids=[], about={})

    def build(store, image):
        built.ids.append(image)
        return case(image, **built.about.get(image, {}))

    monkeypatch.setattr(case_index, "build_case", build)
    return built


@pytest.mark.parametrize("generation", [0, None])
def test_only_what_has_changed_is_put_together_again(built, generation):
    store = Store("a", "b", "c", generation=generation)
    index = CaseIndex(store)
    assert [one.id for one in index.listed().chosen()] == ["a", "b", "c"]
    index.listed()
    store.change("b")
    built.about["b"] = {"title": "z"}
    assert [one.id for one in index.listed().chosen()] == ["a", "c", "b"]
    assert Counter(built.ids) == {"a": 1, "b": 2, "c": 1}


def test_a_case_that_comes_or_goes_is_seen(built):
    store = Store("a")
    index = CaseIndex(store)
    index.listed()
    store.change("b")
    assert len(index.listed()) == 2
    del store.revisions["a"]
    store.change("b")
    assert [one.id for one in index.listed().chosen()] == ["b"]


@pytest.mark.parametrize("generation", [0, None])
def test_a_case_of_which_something_is_entered_is_put_together_again(built, tmp_path, generation):
    store = Store("a", "b", generation=generation)
    store.folder = tmp_path
    index = CaseIndex(store)
    index.listed()
    DetailsStore(tmp_path / DETAILS).save("b", ReadingDetails(comment="x"), reader="Ada")
    index.listed()
    index.listed()
    assert Counter(built.ids) == {"a": 1, "b": 2}


def test_a_name_is_shown_in_its_first_form_and_searched_in_all():
    store = Store("a")
    store.get_image_info = lambda image: {"PatientID": "P1", "PatientName": "Lind^Anna=林^安娜="}
    store.verdict = lambda image: SimpleNamespace(checked=True, reason=None, warnings=())
    store.label_records = lambda image: ()
    listed = CaseIndex(store).listed()
    assert [one.details for one in listed.chosen(text="安娜")] == ["Lind Anna"]


def test_without_a_revision_all_is_put_together_at_each_look(built):
    store = Store("a", "b", generation=None)
    store.revisions = dict.fromkeys("ab")
    index = CaseIndex(store)
    index.listed()
    index.listed()
    assert Counter(built.ids) == {"a": 2, "b": 2}


def test_cases_without_a_number_come_last_whichever_way_it_is_sorted(built):
    built.about = {"a": {"burden": 5.0}, "c": {"burden": 20.0}, "d": {"burden": 5.0}}
    listed = CaseIndex(Store("d", "c", "b", "a")).listed()
    assert [one.id for one in listed.chosen(sort="burden")] == ["a", "d", "c", "b"]
    assert [one.id for one in listed.chosen(sort="-burden")] == ["c", "a", "d", "b"]
    assert [one.id for one in listed.chosen(sort="no such key")] == ["a", "b", "c", "d"]


def test_numbers_of_titles_and_ids_are_counted(built):
    built.about = {"s-10": {"title": "P9"}, "s-9": {"title": "P9"}, "x": {"title": "p10"}}
    listed = CaseIndex(Store("x", "s-10", "s-9")).listed()
    assert [one.id for one in listed.chosen()] == ["s-9", "s-10", "x"]
    assert [one.id for one in listed.chosen(sort="-case")] == ["x", "s-9", "s-10"]
    assert [one.id for one in listed.chosen(sort="flags")] == ["s-9", "s-10", "x"]


def test_filters_hold_together(built):
    built.about = {
        "a": {"state": State.DRAFT, "details": "Anna Lind", "study": "1.2"},
        "b": {"state": State.DRAFT, "date": "2026-11-28"},
    }
    listed = CaseIndex(Store("a", "b", "c")).listed()
    assert listed.counts == {"draft": 2, "new": 1}
    assert [one.id for one in listed.chosen(state="draft")] == ["a", "b"]
    assert [one.id for one in listed.chosen(state="draft", text="LIND")] == ["a"]
    assert [one.id for one in listed.chosen(text="2026-11")] == ["b"]
    assert [one.id for one in listed.chosen(study="1.2")] == ["a"]
    assert listed.chosen(state="reviewed") == []


def test_every_order_takes_every_case(built):
    listed = CaseIndex(Store("a", "b")).listed()
    for key in ORDERS:
        assert {one.id for one in listed.chosen(sort=f"-{key}")} == {"a", "b"}


def test_the_work_list_leaves_out_the_warning_that_most_scans_have():
    sampling = "pixels 1 % larger or smaller would change core scar by 12 %: compare with care"
    about = dict.fromkeys(
        ("id", "title", "details", "date", "study", "series", "offered", "why"), ""
    )
    one = Case(**about, state=State.NEW, reason=None, remarks=(sampling, "tilted"), versions=())
    assert one.warnings == ("tilted",)
