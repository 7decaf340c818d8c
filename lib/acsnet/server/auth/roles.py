"""What each address of the server asks for; an address that is not listed here is closed.

One line a route: role, method and address, body, audit event. docs/security.md shows it as a table.
"""

from dataclasses import dataclass

from starlette.routing import compile_path

from acsnet.server.identity import Role

ROLE_WORDS = tuple(role.word for role in Role if role is not Role.PUBLIC)

UPLOAD = -1
"""In place of a number of bytes: as many as the setting limits.upload_mb says."""

KILO, MEGA = 2**10, 2**20
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"

BODIES: dict[str, dict[str, int]] = {
    "none": {},
    "login": {URLENCODED: 16 * KILO, MULTIPART: 16 * KILO},
    "form": {URLENCODED: 64 * KILO, MULTIPART: 64 * KILO},
    "json": {"application/json": MEGA},
    "answer": {URLENCODED: 64 * KILO, MULTIPART: 64 * KILO, "application/json": 64 * KILO},
    "upload": {MULTIPART: UPLOAD, URLENCODED: MEGA},
    "dicom": {"multipart/related": 64 * MEGA},
}
"""Kind of body -> content type, exactly, -> the most bytes of it."""

MAX_UNREAD_BYTES = 64 * KILO
"""Of a body, whatever it is, where the route reads none."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a route asks for.

    role: who may; body: key of `BODIES`; event: what its use is in the audit log.
    """

    role: Role
    body: str
    event: str

    @property
    def takes_place(self) -> bool:
        """Whether a request is work that only so many may ask for at once."""
        return self.body in ("upload", "dicom") or self.event in ("infer", "score")


_TABLE: dict[Role, tuple[str, ...]] = {
    Role.PUBLIC: (
        "GET /                                           none    -",
        "GET /favicon.ico                                none    -",
        "GET /healthz                                    none    -",
        "GET /readyz                                     none    -",
        "GET /acsnet/style.css                           none    -",
        "GET /acsnet/pages.js                            none    -",
        "GET /acsnet/desk.js                             none    -",
        "GET /acsnet/clicks.js                           none    -",
        "GET /acsnet/login                               none    -",
        "POST /acsnet/login                              login   login",
        "GET /auth/                                      none    -",
        "POST /auth/token                                login   login",
    ),
    Role.ANNOTATOR: (
        "GET /openapi.json                               none    -",
        "HEAD /openapi.json                              none    -",
        "GET /metrics                                    none    -",
        "GET /auth/token/valid                           none    -",
        "POST /acsnet/logout                             form    logout",
        # See scans and what was drawn on them.
        "GET /info/                                      none    -",
        "GET /acsnet/                                    none    list",
        "GET /acsnet/training                            none    list",
        "GET /acsnet/next                                none    next",
        "GET /acsnet/cases/{image}                       none    view",
        "GET /acsnet/cases/{image}/compare               none    view",
        "GET /acsnet/cases/{image}/slices.bin            none    view",
        "GET /acsnet/cases/{image}/labels.bin            none    view",
        "GET /acsnet/cases/{image}/montage.png           none    view",
        "GET /acsnet/cases/{image}/segmentation.nii.gz   none    view",
        "GET /acsnet/cases/{image}/segmentation.dcm      none    view",
        "GET /acsnet/cases/{image}/features.json         none    view",
        "GET /acsnet/cases/{image}/bullseye.png          none    view",
        "GET /acsnet/cases/{image}/report.pdf            none    view",
        "GET /acsnet/cases/{image}/measurements.dcm      none    view",
        "GET /acsnet/cases/{image}/versions.json         none    view",
        "GET /acsnet/cases/{image}/agreement.json        none    view",
        "GET /acsnet/cases/{image}/edit                  none    view",
        "GET /datastore/                                 none    list",
        "GET /datastore/image                            none    view",
        "HEAD /datastore/image                           none    view",
        "GET /datastore/image/info                       none    view",
        "GET /datastore/label                            none    view",
        "HEAD /datastore/label                           none    view",
        "GET /datastore/label/info                       none    view",
        "GET /ohif/{path:path}                           none    -",
        "GET /viewer/{path:path}                         none    -",
        "GET /dicomweb/{path:path}                       none    view",
        # Draw: drafts only, until a reviewer has seen them.
        "POST /infer/{model}                             upload  infer",
        "POST /activelearning/{strategy}                 json    next",
        "POST /acsnet/cases/{image}/segment              form    infer",
        "PUT /acsnet/cases/{image}/edit                  json    edit",
        "POST /acsnet/cases/{image}/edit                 json    save",
        "DELETE /acsnet/cases/{image}/edit               none    edit",
        "POST /acsnet/cases/{image}/click                json    infer",
        "GET /acsnet/cases/{image}/click                 none    view",
        "POST /acsnet/cases/{image}/details              form    save",
        "GET /acsnet/cases/{image}/suggestion            none    view",
        "POST /dicomweb/studies                          dicom   save",
        "POST /dicomweb/studies/{study}                  dicom   save",
        "PUT /datastore/                                 upload  upload",
        "PUT /datastore/image                            upload  upload",
        "PUT /datastore/label                            upload  save",
        "PUT /session/                                   upload  session",
        "GET /session/{session_id}                       none    view",
        "DELETE /session/{session_id}                    none    session",
        # How far long work is.
        "GET /batch/infer                                none    -",
        "GET /train/                                     none    -",
        "GET /scoring/{method}                           none    list",
    ),
    Role.REVIEWER: (
        "POST /acsnet/cases/{image}/accept               answer  review",
        "POST /acsnet/cases/{image}/reject               answer  withdraw",
        "POST /acsnet/cases/{image}/withdraw             answer  withdraw",
        "POST /acsnet/cases/{image}/remove               form    remove",
        "DELETE /datastore/label                         none    withdraw",
        "POST /scoring/{method}                          none    score",
    ),
    Role.ADMIN: (
        "POST /acsnet/batch                              form    batch",
        "POST /acsnet/batch/stop                         form    batch",
        "POST /acsnet/training/start                     form    train",
        "POST /acsnet/training/stop                      form    train",
        "POST /batch/infer                               json    batch",
        "DELETE /batch/infer                             none    batch",
        "POST /train/                                    json    train",
        "POST /train/{model}                             json    train",
        "DELETE /train/                                  none    train",
        "GET /logs/                                      none    list",
    ),
}

RULES: dict[tuple[str, str], Rule] = {
    (method, path): Rule(role=role, body=body, event="" if event == "-" else event)
    for role, lines in _TABLE.items()
    for method, path, body, event in (line.split() for line in lines)
}
"""(method, address as the web framework writes it) -> what it asks for."""

_MATCHED = [(method, compile_path(path)[0], rule) for (method, path), rule in RULES.items()]


def rule_of(method: str, path: str) -> Rule | None:
    """What a request has to keep to, the strictest where several fit; None for no rule.

    An address without its last slash is sent on to that with it.
    """
    return _rule_at(method, path) or _rule_at(method, f"{path}/")


def _rule_at(method: str, path: str) -> Rule | None:
    matching = [
        rule for rule_method, shape, rule in _MATCHED if rule_method == method and shape.match(path)
    ]
    return max(matching, key=lambda rule: rule.role, default=None)
