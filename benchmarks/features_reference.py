"""Make the JSON Schema and the reference page of `features.json` from the declared fields.

`python benchmarks/features_reference.py` writes the schema into the package and docs/features.md.
"""

import json
from pathlib import Path
from typing import Any

import acsnet
from acsnet.quantify import (
    aha_segments,
    body_size,
    obstruction,
    remote_myocardium,
    rv_insertion,
    scar_methods,
    speckle,
)
from acsnet.quantify.features_document import DOCUMENT, SCHEMA
from acsnet.quantify.scar_shape import pattern, transmurality

SCHEMA_FILE = Path(acsnet.__file__).resolve().parent / "quantify" / "features.schema.json"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "features.md"
ROBUSTNESS = PAGE.parent / "results" / "robustness_of_measures.md"
# Modules whose docstrings are the definitions of their numbers.
RULES = (
    scar_methods,
    remote_myocardium,
    speckle,
    obstruction,
    rv_insertion,
    aha_segments,
    transmurality,
    pattern,
    body_size,
)

HEAD = """# features.json

Research use only, not a medical device.

What `acsnet segment` and `acsnet quantify` measure, schema version {version}. The JSON Schema is
`acsnet/quantify/features.schema.json` in the package; this page is made from the same source.
Null is a number that the scan or its labels cannot give: it is never written as 0. Volumes are sums
of voxels as thick as the slice distance, which is nearest-neighbour interpolation across gaps; they
hold for any spacing and for oblique stacks. "signal" is in units of the image.
`acsnet.export.write_csv` writes one line a case with the same names, parts joined by a dot.

"""


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of `features.json`."""
    return DOCUMENT.json_schema(mode="serialization")


def page() -> str:
    """The reference page: a table of all keys, one table a nested type, and the definitions."""
    schema = json_schema()
    parts = [HEAD.format(version=SCHEMA), _table("", schema)]
    parts += [_table(name, part) for name, part in sorted(schema["$defs"].items())]
    parts += [f"## {module.__name__.rpartition('.')[2]}\n\n{module.__doc__}" for module in RULES]
    parts.append(ROBUSTNESS.read_text(encoding="utf-8"))
    return "\n".join(parts)


def _table(name: str, schema: dict[str, Any]) -> str:
    lines = [f"## {name}\n\n{schema['description']}\n"] if name else []
    lines += ["| key | unit | what it is | source |", "|---|---|---|---|"]
    for key, field in schema["properties"].items():
        cells = (f"`{key}`", field.get("unit", ""), field["description"], field.get("source", ""))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def schema_text() -> str:
    """The text of `features.schema.json`."""
    return json.dumps(json_schema(), indent=1) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text())
    PAGE.write_text(page())
