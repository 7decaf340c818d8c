"""What Popescu et al. 2022 (DOI 10.1016/j.cvdhj.2021.11.007) print, to stand beside our figures.

Facts of its Tables 1 and 2 and of its text, on 269 slices of its own test patients, which are not
public: a guide to what can be reached, no measurement on the same data.
"""

from collections.abc import Mapping

from acsnet.evaluate.metrics import THIRDS
from acsnet.evaluate.summary import TOTAL
from acsnet.evaluate.tertiles import ALL_TERTILES, TERTILES
from acsnet.label_conventions import CORE, ENH, LV, MYO

BALANCED_ACCURACY, DICE, HAUSDORFF = "BA %", "Dice", "HD mm"
MEASURES = (BALANCED_ACCURACY, DICE, HAUSDORFF)

EXPERT, PREDICTED, ERROR = "Expert ml", "Predicted ml", "MAE %"
VOLUMES = (EXPERT, PREDICTED, ERROR)

_TABLE_1 = {
    LV: """
        96.3 ± 0.4    96.3 ± 0.4    96.2 ± 0.5    96.3 ± 0.2
        0.92 ± 0.02   0.95 ± 0.01   0.94 ± 0.01   0.93 ± 0.01
        6.9 ± 1.6     6.1 ± 0.8     6.6 ± 1.5     6.5 ± 0.8
    """,
    MYO: """
        93.3 ± 1.1    93.1 ± 1.2    92.9 ± 1.4    93.1 ± 0.7
        0.75 ± 0.04   0.82 ± 0.02   0.80 ± 0.04   0.79 ± 0.02
        6.4 ± 0.7     6.6 ± 0.7     7.2 ± 1.5     6.7 ± 0.6
    """,
    ENH: """
        69.9 ± 2.3    69.8 ± 2.6    70.4 ± 2.6    70.0 ± 1.4
        0.51 ± 0.06   0.48 ± 0.07   0.59 ± 0.09   0.51 ± 0.04
        16.8 ± 3.4    24.0 ± 6.6    19.8 ± 8.7    19.9 ± 3.3
    """,
    CORE: """
        74.9 ± 2.8    74.3 ± 3.1    75.5 ± 3.3    74.9 ± 1.8
        0.57 ± 0.08   0.52 ± 0.09   0.63 ± 0.11   0.57 ± 0.05
        14.9 ± 3.7    24.4 ± 6.7    18.1 ± 8.9    18.9 ± 3.5
    """,
}

_TABLE_2 = {
    LV: """
        226 (186-259)     307 (280-327)      405 (334-573)      312 (186-573)
        237 (193-273)     312 (279-339)      424 (342-614)      323 (193-614)
        10.3 (4.8-18.8)   4.5 (0.6-8.0)      4.4 (1.3-10.3)     6.3 (0.6-18.8)
    """,
    MYO: """
        121 (85-159)      171 (110-215)      180 (114-274)      158 (85-274)
        144 (109-186)     187 (144-226)      217 (159-351)      183 (109-351)
        24.1 (12.6-41.1)  12.7 (1.8-30.8)    24.7 (2.2-53.7)    20.1 (1.8-53.7)
    """,
    ENH: """
        27 (15-46)        24 (3-39)          30 (7-47)          27 (3-47)
        21 (7-43)         19 (0-33)          26 (3-38)          22 (0-43)
        26.6 (5.9-53.4)   31.1 (3.8-100.0)   45.4 (15.9-87.5)   34.2 (3.8-100.0)
    """,
    CORE: """
        13 (6-21)         11 (1-19)          17 (4-30)          13 (1-30)
        11 (5-20)         9 (0-17)           14 (2-22)          12 (0-22)
        14.4 (1.2-41.2)   42.5 (18.2-100.0)  42.7 (32.1-72.0)   33.7 (1.2-100.0)
    """,
}

Cells = Mapping[tuple[str, str, str], str]
"""(region, measure, group) -> what the paper prints."""


def _cells(
    table: Mapping[str, str], measures: tuple[str, ...], groups: tuple[str, ...]
) -> dict[tuple[str, str, str], str]:
    """Columns of a block stand at least two blanks apart."""
    return {
        (region, measure, group): cell.strip()
        for region, block in table.items()
        for measure, line in zip(measures, block.strip().splitlines(), strict=True)
        for group, cell in zip(groups, (c for c in line.split("  ") if c.strip()), strict=True)
    }


PAPER_TABLE_1: Cells = _cells(_TABLE_1, MEASURES, (*THIRDS, TOTAL))
PAPER_TABLE_2: Cells = _cells(_TABLE_2, VOLUMES, (*TERTILES, ALL_TERTILES))

PAPER_WELCH_P: Mapping[str, str] = {LV: ".71", CORE: ".46"}
"""Of all its patients' volumes, where its text gives one."""
