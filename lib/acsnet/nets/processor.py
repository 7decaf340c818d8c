"""What the processor can do for the networks, and the form of them that suits it.

oneDNN's own setting ONEDNN_MAX_CPU_ISA hides what an older processor does not have, such as
`ONEDNN_MAX_CPU_ISA=AVX2`; all functions heed it.
"""

import os
import platform
from functools import lru_cache

import numpy as np

from acsnet.nets import openvino_runtime as ov
from acsnet.nets.openvino_runtime import opset13 as op

CAP = "ONEDNN_MAX_CPU_ISA"
CAPS_WITH_BFLOAT16 = ("BF16", "FP16", "AMX", "AVX10", "ALL", "DEFAULT")
KERNELS = {"amx": "AMX", "avx512": "AVX512", "avx2": "AVX2", "avx": "AVX", "sse": "SSE4"}
"""Words in the names of OpenVINO's kernels, and the instruction set that they stand for."""


@lru_cache(maxsize=1)
def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX512-BF16, AMX)."""
    # OpenVINO looks at the processor only; capped, oneDNN imitates bfloat16 slowly or not at all.
    cap = (os.environ.get(CAP) or "ALL").upper()
    able = any(word in cap for word in CAPS_WITH_BFLOAT16)
    return able and "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def has_fast_8_bits() -> bool:
    """Whether 8 bits are faster than bfloat16 or single precision: measured with AVX2 and AVX512.

    AMX multiplies bfloat16 fast, too, and neither it nor Arm was measured.
    """
    return instruction_set() in ("AVX2", "AVX512")


@lru_cache(maxsize=1)
def instruction_set() -> str:
    """The instructions that multiply in the networks, such as AVX2, by the kernel OpenVINO takes.

    On other processors than those of Intel and AMD their architecture, such as arm64.
    """
    image = op.parameter([2, 64, 16, 16], ov.Type.f32)
    weight = op.constant(np.ones((64, 64, 3, 3), np.float32))
    step = op.convolution(image, weight, [1, 1], [1, 1], [1, 1], [1, 1])
    precision = {"INFERENCE_PRECISION_HINT": "bf16" if has_bfloat16() else "f32"}
    graph = ov.Core().compile_model(ov.Model([step], [image], "probe"), "CPU", precision)
    infos = [node.get_rt_info() for node in graph.get_runtime_model().get_ordered_ops()]
    kernels = [
        info["primitiveType"].astype(str)
        for info in infos
        if info["layerType"].astype(str) == "Convolution"
    ]
    sets = (name for word, name in KERNELS.items() for kernel in kernels if word in kernel)
    return next(sets, platform.machine())
