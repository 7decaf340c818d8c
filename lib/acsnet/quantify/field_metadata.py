"""What a number of `features.json` is, said where the number is declared.

The JSON Schema and the reference page are made from these, so that they cannot disagree.
"""

from typing import Any

from pydantic import Field


def described(unit: str, definition: str, source: str = "") -> Any:
    """Metadata of a field: its unit, what it is, and the guideline or paper it is from."""
    extra = {name: text for name, text in (("unit", unit), ("source", source)) if text}
    return Field(description=definition, json_schema_extra=dict(extra))
