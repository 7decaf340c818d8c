"""The HTML templates and the environment that renders them."""

from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader

from acsnet import NOTICE, __version__
from acsnet.annotations.label_versions import by_networks
from acsnet.report.wording import number
from acsnet.server.identity import Role, logged_in

environment = Environment(loader=PackageLoader("acsnet.server.web"), autoescape=True)
environment.globals["by_networks"] = by_networks
environment.filters["number"] = number
environment.filters["moment"] = lambda when: f"{when:%Y-%m-%d %H:%M %Z}" if when else ""
environment.globals["has_stock_viewer"] = lambda: False  # the application puts the real check here


def page(name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from its template, with what every page shows."""
    person = logged_in()
    shared = {
        "notice": NOTICE,
        "version": __version__,
        "person": person,
        "may_review": person is None or person.role >= Role.REVIEWER,
        "may_batch": person is None or person.role >= Role.ADMIN,
    }
    text = environment.get_template(name).render(**shared, **values)
    return HTMLResponse(text, status)
