"""Who looked at whom is on record, once for each access, whatever a reader does to the log."""

import pytest

from acsnet.annotations import audit_log
from acsnet.server.auth import access_log
from acsnet.server.auth.access_log import Once, object_of
from acsnet.server.auth.roles import RULES
from acsnet.server.state.paths import audit_log_file


def events(*kinds):
    return [line for line in audit_log.read(audit_log_file()) if line["event"] in kinds]


@pytest.mark.parametrize(
    "address",
    [
        "/acsnet/cases/{series}",
        "/datastore/image?image={series}",
        "/datastore/image/info?image={series}",
        "/dicomweb/studies/{study}/series/{series}/metadata",
    ],
)
def test_each_way_to_look_at_a_scan_is_on_record(locked, address):
    name = "ana"
    locked.application.middleware_stack = None  # counts anew
    answer = locked.people[name].get(address.format(**vars(locked)))
    assert answer.status_code == 200
    line = events("view")[-1]
    assert (line["user"], line["image"]) == (name, locked.series)


def test_a_reader_who_goes_through_the_slices_looks_at_one_scan(locked):
    locked.application.middleware_stack = None
    before = len(events("view"))
    for _ in range(20):
        locked.people["ann"].get(f"/datastore/image/info?image={locked.series}")
    assert len(events("view")) == before + 1
    locked.people["rea"].get(f"/datastore/image/info?image={locked.series}")
    assert len(events("view")) == before + 2


def test_refusals_and_logouts_are_on_record(locked):
    locked.application.middleware_stack = None
    before = len(events("refused"))
    for _ in range(50):
        assert locked.client.get(f"/datastore/image?image={locked.series}").status_code == 401
    lines = events("refused")
    assert len(lines) == before + 1
    assert lines[-1]["status"] == 401
    assert lines[-1]["image"] == locked.series
    assert locked.people["ana"].get("/logs/").status_code == 403
    assert events("refused")[-1]["status"] == 403


def test_refusals_from_many_addresses_do_not_fill_the_disk():
    log = access_log.AccessLog(None, behind_login=False, max_refusals=5)
    scope = {"type": "http", "method": "GET", "path": "/info/", "query_string": b""}
    jobs = [log._refusal({**scope, "client": (f"10.0.0.{k}", 1)}, 401) for k in range(50)]
    assert sum(job is not None for job in jobs) == 5


def test_a_network_of_ipv6_is_one_address():
    log = access_log.AccessLog(None, behind_login=False)
    scope = {"type": "http", "method": "GET", "path": "/info/", "query_string": b""}
    jobs = [log._refusal({**scope, "client": (f"2001:db8::{k}", 1)}, 401) for k in range(1, 50)]
    assert sum(job is not None for job in jobs) == 1


def test_what_came_meanwhile_is_counted():
    now = [0.0]
    once = Once(clock=lambda: now[0])
    assert [once.count(("a",)) for _ in range(3)] == [1, None, None]
    now[0] = access_log.ONCE_S + 1
    assert once.count(("a",)) == 3


@pytest.mark.parametrize(
    ("path", "query", "found"),
    [
        ("/acsnet/cases/1.2.3/report.pdf", "tag=final", "1.2.3"),
        ("/datastore/image", "image=a%20b", "a b"),
        ("/datastore/label", "label=x&tag=final", "x"),
        ("/dicomweb/studies/1.2/series/3.4/instances/5/frames/1", "", "3.4"),
        ("/dicomweb/studies/1.2/series", "", "1.2"),
        ("/dicomweb/studies", "", ""),
        ("/session/abc", "", "abc"),
        ("/acsnet/", "", ""),
    ],
)
def test_the_object_of_an_address(path, query, found):
    assert object_of(path, query) == found


def test_every_way_to_a_patients_object_has_an_event():
    of_patients = ("/acsnet/cases/", "/datastore/", "/dicomweb/", "/session/", "/infer/")
    without = [
        route
        for route, rule in RULES.items()
        if route[1].startswith(of_patients) and not rule.event
    ]
    assert without == []
