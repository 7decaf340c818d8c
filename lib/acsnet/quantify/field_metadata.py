"""Unit, definition and source of a field of `features.json`, declared with the field.

The JSON Schema and the reference page are both generated from them.
"""

from typing import Any

from pydantic import Field


def described(unit: str, definition: str, source: str = "") -> Any:
    """Metadata of a field: its unit, its definition, and the guideline or paper behind it."""
    extra = {name: text for name, text in (("unit", unit), ("source", source)) if text}
    return Field(description=definition, json_schema_extra=dict(extra))
