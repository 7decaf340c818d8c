"""What a program sends under a name that there is not is refused, and not lost."""

import pytest

from acsnet.annotations.reading_details import DetailsStore
from acsnet.server.state.paths import DETAILS

CASE = "/acsnet/cases/{image}"
DECISION = {"version": "original", "by": "Ada", "coment": "x"}


@pytest.mark.parametrize(
    ("address", "sent", "unknown"),
    [
        (f"{CASE}/click", {"clicks": [], "usr": "Ada"}, "usr"),
        ("/batch/infer", {"images": ["{image}"], "image": "x"}, "image"),
        *((f"{CASE}/{what}", DECISION, "coment") for what in ("accept", "reject", "withdraw")),
    ],
)
def test_a_field_that_there_is_not_is_named(web, address, sent, unknown):
    answer = web.client.post(address.format(image=web.series), json=sent)
    assert answer.status_code == 422
    assert unknown in answer.json()["detail"]


@pytest.mark.parametrize("what", ["accept", "reject", "withdraw"])
def test_so_it_is_in_a_form(web, what):
    address = CASE.format(image=web.series)
    asked = {"Accept": "application/json"}
    answer = web.client.post(f"{address}/{what}", data=DECISION, headers=asked)
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "there is no field 'coment'; "
        "there is version, saved, state, by, comment, warnings_shown, next",
    )


def test_details_with_a_field_that_there_is_not_are_not_an_empty_entry(web):
    form = {"height": "170", "weight_kg": "70", "by": "Ada"}
    address = f"{CASE.format(image=web.series)}/details"
    answer = web.client.post(address, data=form, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("height: ")
    assert DetailsStore(web.app.store_folder() / DETAILS).read(web.series)[0] is None


def test_openapi_tells_the_fields_of_a_decision_and_what_params_are(web):
    document = web.application.openapi()
    paths, schemas = document["paths"], document["components"]["schemas"]
    for what in ("accept", "reject", "withdraw"):
        kinds = paths[f"{CASE}/{what}"]["post"]["requestBody"]["content"]
        for kind in ("application/json", "application/x-www-form-urlencoded"):
            assert set(kinds[kind]["schema"]["properties"]) == {
                "version", "saved", "state", "by", "comment", "warnings_shown", "next",
            }  # fmt: skip
    form = paths["/infer/{model}"]["post"]["requestBody"]["content"]["multipart/form-data"]
    infer = schemas[form["schema"]["$ref"].rpartition("/")[2]]["properties"]
    assert "JSON object" in infer["params"]["description"]
