"""A page that one person opened and that sends after another has logged in in the same browser."""

import json
import re
import shutil
from types import SimpleNamespace

import pytest
from in_process import app_over, application_of, client_of

from acsnet.server.auth.accounts import Accounts
from acsnet.server.identity import Role
from acsnet.server.state.paths import edits_folder

PASSWORD = "correct horse battery"
ORIGIN = {"Origin": "http://127.0.0.1:8000"}
FORM = {"version": "original", "comment": "apex is missing"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory, samples):
    """A server with a login and one scan with a draft; ben: the client of Ben's browser."""
    folder = tmp_path_factory.mktemp("people")
    studies, state = folder / "studies", folder / "state"
    shutil.copytree(samples / "dicom" / "phantom-1", studies / "phantom-1")
    accounts = Accounts(state / "accounts.json", cost_log2=4, parallel=1)
    for name in ("ana", "ben"):
        accounts.put(name, Role.REVIEWER, PASSWORD)
    with app_over(folder, studies, ACSNET_LOGIN_REQUIRED="true") as app:
        ben = client_of(application_of(app), headers=ORIGIN)
        form = {"name": "ben", "password": PASSWORD}
        assert ben.post("/acsnet/login", data=form).status_code == 303
        (image,) = app.datastore().list_images()
        assert ben.post(f"/infer/acsnet?image={image}&output=json").is_success
        yield SimpleNamespace(app=app, ben=ben, image=image, studies=studies, samples=samples)


def what_a_page_sends(site, name):
    """(method, address, options) of all that a page stores, which `name` has opened."""
    case = f"/acsnet/cases/{site.image}"
    yield "PUT", f"{case}/edit", {"json": {"frames": {}, "by": name}}
    yield "POST", f"{case}/edit", {"json": {"frames": {}, "by": name}}
    yield "DELETE", f"{case}/edit", {"params": {"by": name}}
    yield "POST", f"{case}/click", {"json": {"clicks": [], "user": name, "save": True}}
    for decision in ("accept", "reject", "withdraw"):
        yield "POST", f"{case}/{decision}", {"data": {**FORM, "by": name}}
    yield "POST", f"{case}/details", {"data": {"comment": "short", "by": name}}


def test_the_case_page_names_who_has_opened_it(site):
    text = site.ben.get(f"/acsnet/cases/{site.image}").text
    forms = [form.partition("</form>")[0] for form in text.split("<form")[1:]]
    storing = [form for form in forms if re.search('/(accept|withdraw|details)"', form)]
    assert len(storing) == 3
    assert all('<input type="hidden" name="by" value="ben">' in form for form in storing)


def test_what_one_person_drew_is_not_stored_as_anothers(site):
    before = [record.id for record in site.app.datastore().label_records(site.image)]
    for method, address, sent in what_a_page_sends(site, "ana"):
        answer = site.ben.request(method, address, **sent)
        assert answer.status_code == 409, (method, address, answer.text)
        assert "opened by ana; you are ben: open the case again" in answer.text
    assert [record.id for record in site.app.datastore().label_records(site.image)] == before
    assert not edits_folder(str(site.studies)).exists()


@pytest.mark.parametrize("name", ["ben", ""])
def test_a_page_of_who_is_logged_in_and_one_that_names_nobody_are_answered(site, name):
    for method, address, sent in what_a_page_sends(site, name):
        answer = site.ben.request(method, address, **sent)
        assert "opened by" not in answer.text, (method, address)


def test_clients_of_monai_label_sign_by_the_login_whatever_name_they_are_set_to(site):
    params = {"params": json.dumps({"user": "ana", "client_id": "ana"})}
    asked = site.ben.post(f"/infer/acsnet_click?image={site.image}&output=json", data=params)
    assert asked.is_success
    label = (site.samples / "truth" / "phantom-1.nii.gz").read_bytes()
    saved = site.ben.put(
        f"/datastore/label?image={site.image}",
        data=params,
        files={"label": ("label.nii.gz", label)},
    )
    assert saved.json()["author"] == "ben"
