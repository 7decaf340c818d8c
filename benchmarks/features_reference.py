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
    sampling,
    scar_methods,
    speckle,
)
from acsnet.quantify.features_document import DOCUMENT, SCHEMA
from acsnet.quantify.scar_shape import pattern, transmurality

SCHEMA_FILE = Path(acsnet.__file__).resolve().parent / "quantify" / "features.schema.json"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "features.md"
# Modules whose docstrings are the definitions of their numbers.
RULES = {
    "Scar thresholds": scar_methods,
    "Remote myocardium": remote_myocardium,
    "Single bright points": speckle,
    "Dependence on the sampling": sampling,
    "Microvascular obstruction": obstruction,
    "Insertion of the right ventricle": rv_insertion,
    "AHA segments": aha_segments,
    "Transmurality": transmurality,
    "Pattern of the scar": pattern,
    "Body surface area": body_size,
}

HEAD = """# Features: what each number means

Research use only, not a medical device.

`acsnet segment` and `acsnet quantify` write their measures to `features.json` (schema version
{version}). This page defines every key; it is generated from the same source as the JSON Schema,
`acsnet/quantify/features.schema.json` in the package. A number that the scan or its labels do not
determine is `null`, never 0. To compute a volume, each voxel is taken to be as thick as the slice
distance (nearest-neighbour interpolation across gaps); this holds for any spacing and for oblique
stacks. The unit "signal" is the unit of the image. `acsnet.export.write_csv` writes one line per
case with the same names; parts of nested names are joined by a dot. How far the measures change
with what should not matter: [robustness of measures](results/robustness_of_measures.md).

In the files of the server there is one key more, `given`: what a reader had entered for the case
when the label map was measured ([reading](reading.md)). It holds `height_cm`, `weight_kg`,
`rv_insertion` and `remote_region`, each `null` without an entry. The last two are places, row and
column in pixels from 0, by the number of the slice in the file from 1.

In the files that the commands write there is `segmentation_sha256`: the SHA-256 of
`segmentation.nii.gz` as it was written. A label map that was changed since is not overwritten.
Results of 0.2.0 and earlier tell this only where a cohort wrote them.

"""
# Where each nested type is found in the document.
PLACES = {
    "Flag": "quality",
    "InsertionDoc": "rv_insertion",
    "Interval": "intervals",
    "MethodRow": "methods",
    "RemoteDoc": "remote",
    "Segment": "segments",
    "SpacingDoc": "spacing_mm",
    "Territory": "territories",
}


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of `features.json`."""
    return DOCUMENT.json_schema(mode="serialization")


def page() -> str:
    """The reference page: a table of all keys, one table a nested type, and the definitions."""
    schema = json_schema()
    parts = [HEAD.format(version=SCHEMA), _table("", schema)]
    parts += [_table(name, part) for name, part in sorted(schema["$defs"].items())]
    parts += [
        f"## {title}\n\n{module.__doc__}\nThe rule is in `{module.__name__}`.\n"
        for title, module in RULES.items()
    ]
    return "\n".join(parts)


def _table(name: str, schema: dict[str, Any]) -> str:
    lines = [f"## Keys of `{PLACES[name]}`\n\n{schema['description']}\n"] if name else []
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
