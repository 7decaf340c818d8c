"""What the page of results says of the data, the tables and the figures."""

from collections.abc import Mapping
from dataclasses import dataclass

from acsnet.label_conventions import ENH, MYO
from results_page import figures
from results_page.examples import example_name

TITLE = "Agreement with the experts"


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What the page says of a data set.

    truth: convention of its labels; beside_paper: it is LGE, as the paper's own.
    """

    truth: str
    title: str
    scans: str
    terms: str
    beside_paper: bool


DATA_SETS: Mapping[str, DataSet] = {
    "emidec": DataSet(
        truth="emidec",
        title="EMIDEC, late gadolinium enhancement (Lalande et al., Data 2020;5:89)",
        scans="patients never trained on",
        terms="CC BY-NC-SA 4.0: research, not commercial",
        beside_paper=True,
    ),
    "acdc": DataSet(
        truth="acdc",
        title="ACDC, cine (Bernard et al., IEEE TMI 2018;37:2514)",
        scans="scans, end-diastole and end-systole, of patients never trained on",
        terms="CC BY-NC-SA 4.0: research, not commercial",
        beside_paper=False,
    ),
    "sunnybrook": DataSet(
        truth="acdc",
        title="Sunnybrook Cardiac Data, cine (Radau et al., MIDAS Journal 2009)",
        scans="patients never trained on, end-diastole, the slices with both contours",
        terms="public domain (CC0)",
        beside_paper=False,
    ),
}

ABOUT_SLICES = (
    "Mean ± half of the 95 % interval over slices in which the expert drew the region, each taken "
    "as independent, as in the paper. A missed slice counts as Dice 0 and has no distance; a false "
    "one, drawn where the expert drew nothing, is in no mean. Thirds cut the distance from the "
    "expert's first to last slice."
)
ABOUT_PAPER = (
    "In grey: Popescu et al., Cardiovasc Digit Health J 2022;3:2-13, on 269 slices of its own "
    "patients, which are not public. A guide, no comparison on the same data."
)
ABOUT_VOLUMES = (
    "Mean (smallest-largest). Tertiles by rank of the expert's LV volume. MAE: |predicted - "
    "expert| / expert, over those in whom the expert drew the region. Welch: predicted against "
    "expert; a large p is no proof of agreement, least of all in few patients."
)
ABOUT_PAPER_BURDEN = "The paper reports a mean difference of 2 %."
ONE_SPACING = (
    "One spacing in every patient may be nominal: lengths and volumes are no better than it is."
)
WITH_EXAMPLES = (
    "These images show patients: do not pass this page on against the terms of the data."
)
WITHOUT_EXAMPLES = (
    "Images of patients are not part of this page: this project does not pass on the data. To see "
    "the best, median and worst case with both outlines, add --examples and an --output outside "
    "the repository to the command above."
)
CAPTIONS: Mapping[str, str] = {
    figures.DICE: "Dice of every slice in which the expert drew the region, by third.",
    figures.VOLUMES: "Error of each patient's volume, normalised by the expert's; line: mean.",
    figures.BLAND_ALTMAN: "Scar burden: difference over mean, with bias and limits of agreement.",
    figures.CONCORDANCE: "Scar burden: predicted over expert's, with the line of identity.",
    example_name(MYO): "Myocardium: best, median and worst volume Dice; the middle slice.",
    example_name(
        ENH
    ): "Enhancement: best, median and worst volume Dice; the slice with most of it.",
}
