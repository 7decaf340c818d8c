"""The role that each address of the server needs; an address that is not listed is closed."""

from starlette.routing import compile_path

from acsnet.server.identity import Role

ROLE_WORDS = tuple(role.word for role in Role if role is not Role.PUBLIC)

_TABLE: dict[Role, tuple[str, ...]] = {
    Role.PUBLIC: (
        "GET /",
        "GET /favicon.ico",
        "GET /healthz",
        "GET /readyz",
        "GET /acsnet/style.css",
        "GET /acsnet/login",
        "POST /acsnet/login",
        "GET /auth/",
        "POST /auth/token",
    ),
    Role.ANNOTATOR: (
        "GET /openapi.json",
        "HEAD /openapi.json",
        "GET /metrics",
        "GET /auth/token/valid",
        "POST /acsnet/logout",
        # See scans and what was drawn on them.
        "GET /info/",
        "GET /acsnet/",
        "GET /acsnet/cases/{image}",
        "GET /acsnet/cases/{image}/montage.png",
        "GET /acsnet/cases/{image}/segmentation.nii.gz",
        "GET /acsnet/cases/{image}/segmentation.dcm",
        "GET /acsnet/cases/{image}/features.json",
        "GET /acsnet/cases/{image}/bullseye.png",
        "GET /acsnet/cases/{image}/report.pdf",
        "GET /acsnet/cases/{image}/measurements.dcm",
        "GET /acsnet/cases/{image}/versions.json",
        "GET /acsnet/cases/{image}/agreement.json",
        "GET /datastore/",
        "GET /datastore/image",
        "HEAD /datastore/image",
        "GET /datastore/image/info",
        "GET /datastore/label",
        "HEAD /datastore/label",
        "GET /datastore/label/info",
        "GET /ohif/{path:path}",
        "GET /viewer/{path:path}",
        "GET /dicomweb/{path:path}",
        # Draw: drafts only, until a reviewer has seen them.
        "POST /infer/{model}",
        "POST /activelearning/{strategy}",
        "POST /acsnet/cases/{image}/segment",
        "PUT /datastore/",
        "PUT /datastore/image",
        "PUT /datastore/label",
        "PUT /session/",
        "GET /session/{session_id}",
        "DELETE /session/{session_id}",
        # How far long work is.
        "GET /batch/infer",
        "GET /train/",
        "GET /scoring/{method}",
    ),
    Role.REVIEWER: (
        "POST /acsnet/cases/{image}/review",
        "DELETE /datastore/label",
        "POST /scoring/{method}",
        # What a viewer stores counts as reviewed.
        "POST /dicomweb/studies",
        "POST /dicomweb/studies/{study}",
    ),
    Role.ADMIN: (
        "POST /batch/infer",
        "DELETE /batch/infer",
        "POST /train/",
        "POST /train/{model}",
        "DELETE /train/",
        "GET /logs/",
    ),
}

ROLES: dict[tuple[str, str], Role] = {
    (method, path): role
    for role, lines in _TABLE.items()
    for method, path in (line.split(" ") for line in lines)
}
"""(method, address as the web framework writes it) -> who may."""

_MATCHED = [(method, compile_path(path)[0], role) for (method, path), role in ROLES.items()]


def role_for(method: str, path: str) -> Role | None:
    """The role that a request needs, the highest of all rules that match; None without a rule."""
    found = [role for known, rule, role in _MATCHED if known == method and rule.match(path)]
    return max(found, default=None)
