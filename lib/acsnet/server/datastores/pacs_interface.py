"""What MONAI Label asks of every datastore and a PACS answers always alike."""

from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore

from acsnet.errors import InputError
from acsnet.io.series import Series
from acsnet.server.datastores.label_intake import author_of
from acsnet.server.datastores.pacs_labels import NEVER_CHANGES


class PacsInterface(Datastore):
    """The part of a datastore that follows from its being a PACS: nothing there is changed."""

    def set_name(self, name: str) -> None:
        """Keep the address: it is no name to choose."""

    def description(self) -> str:
        """What it is."""
        return "LGE series of a PACS"

    def set_description(self, description: str) -> None:
        """Keep the description."""

    def seg_file(self, image_id: str, label_tag: str) -> Path | None:
        """None: it is in the PACS."""
        return None

    def series(self) -> list[Series]:
        """None: the files are in the PACS."""
        return []

    def get_image(self, image_id: str, params: Any = None) -> Any:
        """As `get_image_uri`: the reader takes a folder."""
        return self.get_image_uri(image_id)

    def revision(self, image_id: str) -> None:
        """None: the work list is kept, and what is shown of a series follows from it."""

    def generation(self) -> None:
        """None: as of a revision."""

    def drawn_state_now(self, image_id: str) -> str:
        """Always the same: the images of a series never change."""
        return NEVER_CHANGES

    def state_to_keep(self, image_id: str) -> str:
        """As `drawn_state_now`."""
        return NEVER_CHANGES

    def get_label_by_image_id(self, image_id: str, tag: str) -> str:
        """Label id; empty where there is no label with that tag."""
        return self.get_labels_by_image_id(image_id).get(tag, "")

    def get_label(self, label_id: str, label_tag: str, params: Any = None) -> Any:
        """As `get_label_uri`."""
        return self.get_label_uri(label_id, label_tag)

    def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None:
        """Keep nothing: what a SEG says is in the SEG."""

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Refuse: a PACS takes DICOM. Raises InputError."""
        msg = "images of a PACS are DICOM: send them with `acsnet push`"
        raise InputError(msg)

    def remove_image(self, image_id: str) -> None:
        """Refuse: what is in a PACS stays there. Raises InputError."""
        msg = "images are removed in the PACS itself"
        raise InputError(msg)

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """As `withdraw`."""
        self.withdraw(label_id, label_tag, by=author_of({}))

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        """Refuse: images leave a PACS by its own means. Raises InputError."""
        msg = "images are taken from a PACS with `acsnet pull`"
        raise InputError(msg)
