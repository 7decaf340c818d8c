"""Who read a scan and what they said of it: what a report needs beside its measures."""

from dataclasses import dataclass
from datetime import datetime

NETWORKS = "the networks"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The reading of one label map.

    reviewed: whether somebody accepted it; author: who drew it, empty for the networks; source:
    what the label map is called where nobody is named; reviewer, read: who accepted it and when,
    as far as known; indication, comment: plain text; withdrawn_by: who took it out of use, empty
    if unknown, None where nobody did; replaced: whether a newer label map holds in its place.
    """

    reviewed: bool = False
    author: str = ""
    source: str = ""
    reviewer: str = ""
    read: datetime | None = None
    indication: str = ""
    comment: str = ""
    withdrawn_by: str | None = None
    replaced: bool = False

    @property
    def status(self) -> str:
        """The status in words, the same on pages and in reports."""
        if self.withdrawn_by is not None:
            by = f" by {self.withdrawn_by}" if self.withdrawn_by else ""
            return f"withdrawn{by}: not to be used"
        words = status_words(reviewed=self.reviewed, reviewer=self.reviewer or self.author)
        return f"{words}: a newer label map is valid" if self.replaced else words

    @property
    def drawn_by(self) -> str:
        """Who drew the label map, in words."""
        return self.author or self.source or NETWORKS

    @property
    def reader(self) -> str:
        """Who answers for it; empty for a draft."""
        return (self.reviewer or self.author) if self.reviewed else ""


def status_words(*, reviewed: bool, reviewer: str) -> str:
    """The status of a label map, for pages and reports: draft, or who accepted it."""
    if not reviewed:
        return "draft"
    return f"reviewed, accepted by {reviewer}" if reviewer else "reviewed"


UNREAD = Reading()
"""A draft of the networks that nobody has looked at."""
