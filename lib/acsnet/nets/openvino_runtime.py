"""OpenVINO without telemetry: imported as it comes, it reports every start to a web service.

Its package of telemetry is hidden from it before that, as if it were not installed. No start of
this program is anyone else's business.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # None: "not installed"

from openvino import Core, Model, Tensor, Type, opset13  # noqa: E402

__all__ = ["Core", "Model", "Tensor", "Type", "opset13"]
