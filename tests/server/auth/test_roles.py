"""Every address of the server asks for a role that somebody chose."""

import pytest
from fastapi.routing import APIRoute

from acsnet.server.auth.roles import RULES, rule_of
from acsnet.server.identity import Role


def routes_of(routes):
    """(method, address) of each route, those of routers that were included, too."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from routes_of(inner.routes)
        else:
            yield from ((method, route.path) for method in route.methods)


@pytest.fixture(params=["sample-data/nifti", "https://pacs.example.org/dicom-web"])
def application(request, monkeypatch, tmp_path):
    """The whole application, for a folder and for a PACS."""
    monkeypatch.setenv("MONAI_LABEL_STUDIES", request.param)
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path))
    from acsnet.server import asgi

    application = asgi.build()
    application.router.routes += [one for one in asgi.app.routes if getattr(one, "path", None)]
    return application


def listed(method, path):
    """As the table has it: all addresses of the folder's DICOMweb are one there."""
    inside = method == "GET" and path.startswith("/dicomweb/")
    return (method, "/dicomweb/{path:path}" if inside else path) in RULES


def test_every_route_has_a_role(application):
    found = list(routes_of(application.routes))
    assert len(found) > 40
    missing = [route for route in found if not listed(*route)]
    assert not missing, f"give these a role in acsnet.server.auth.roles: {missing}"


def test_a_route_that_nobody_chose_a_role_for_is_noticed_and_closed(application):
    application.router.routes.append(APIRoute("/new", lambda: None, methods=["POST"]))
    assert [one for one in routes_of(application.routes) if not listed(*one)] == [("POST", "/new")]
    assert rule_of("POST", "/new") is None


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", "/acsnet/login", Role.PUBLIC),
        ("GET", "/acsnet/cases/1.2.3", Role.ANNOTATOR),
        ("GET", "/dicomweb/studies/1/series/2/instances/3/frames/1", Role.ANNOTATOR),
        ("PUT", "/datastore/label", Role.ANNOTATOR),
        ("POST", "/acsnet/cases/1.2.3/accept", Role.REVIEWER),
        ("POST", "/acsnet/cases/1.2.3/reject", Role.REVIEWER),
        ("POST", "/dicomweb/studies/1.2", Role.ANNOTATOR),
        ("DELETE", "/datastore/label", Role.REVIEWER),
        ("POST", "/train/all", Role.ADMIN),
        ("GET", "/logs/", Role.ADMIN),
        ("DELETE", "/info/", None),
        ("OPTIONS", "/info/", None),
        ("GET", "/acsnet/login/x", None),
        ("GET", "//acsnet/login", None),
        ("GET", "/acsnet/style.css/../../logs/", None),
    ],
)
def test_the_role_of_an_address(method, path, role):
    rule = rule_of(method, path)
    assert (rule and rule.role) is role


def test_what_anybody_may_do_shows_no_scan_and_changes_nothing():
    public = {route for route, rule in RULES.items() if rule.role is Role.PUBLIC}
    assert {path for method, path in public if method != "GET"} == {"/acsnet/login", "/auth/token"}
    assert not [path for _, path in public if "{" in path]
