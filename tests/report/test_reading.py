"""The words for who read a scan."""

from acsnet.report.reading import UNREAD, Reading, status_words


def test_the_status_is_draft_until_somebody_accepted_it():
    assert UNREAD.status == "draft"
    assert Reading(author="Ana", reviewer="Bo").status == "draft"
    assert Reading(reviewed=True, author="Ana", reviewer="Bo").status == (
        "reviewed, accepted by Bo"
    )


def test_who_accepted_is_who_drew_where_nobody_else_is_named():
    assert Reading(reviewed=True, author="Ana").status == "reviewed, accepted by Ana"
    assert status_words(reviewed=True, reviewer="") == "reviewed"


def test_a_label_map_that_is_out_of_use_or_replaced_says_so():
    assert Reading(withdrawn_by="Cy").status == "withdrawn by Cy: not to be used"
    assert Reading(withdrawn_by="").status == "withdrawn: not to be used"
    assert Reading(reviewed=True, reviewer="Bo", replaced=True).status == (
        "reviewed, accepted by Bo: a newer label map is valid"
    )


def test_labels_are_by_a_person_a_file_or_the_networks():
    assert Reading(author="Ana", source="a.nii.gz").drawn_by == "Ana"
    assert Reading(source="a.nii.gz").drawn_by == "a.nii.gz"
    assert UNREAD.drawn_by == "the networks"


def test_nobody_answers_for_a_draft():
    assert Reading(author="Ana").reader == ""
    assert Reading(reviewed=True, author="Ana").reader == "Ana"
