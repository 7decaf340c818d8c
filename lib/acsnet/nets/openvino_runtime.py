"""OpenVINO without telemetry, which would report every start to a web service.

Its telemetry package is hidden before the import, as if it were not installed.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # None: "not installed"

from openvino import Core, Model, Tensor, Type, opset13  # noqa: E402

__all__ = ["Core", "Model", "Tensor", "Type", "opset13"]
