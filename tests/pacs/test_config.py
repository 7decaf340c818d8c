import pytest

from acsnet.errors import InputError
from acsnet.pacs.config import is_dicomweb, pacs_settings

URL = "https://pacs.example.org/dicom-web"


def test_login_and_search_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("ACSNET_PACS_USER", "reader")
    monkeypatch.setenv("ACSNET_PACS_PASSWORD", "hush")
    monkeypatch.setenv("ACSNET_PACS_TOKEN", "secret-token")
    monkeypatch.setenv("ACSNET_PACS_SEARCH", "StudyDate=20260101-&InstitutionName=North")
    monkeypatch.setenv("ACSNET_PACS_LGE", "narbe")
    monkeypatch.setenv("ACSNET_PACS_CACHE_SECONDS", "2.5")
    settings = pacs_settings(f"{URL}/")
    assert settings.url == URL
    assert (settings.user, settings.password, settings.token) == ("reader", "hush", "secret-token")
    assert settings.search == (("StudyDate", "20260101-"), ("InstitutionName", "North"))
    assert settings.lge.search("Kurzachse NARBE")
    assert settings.cache_seconds == 2.5
    assert "hush" not in repr(settings)
    assert "secret-token" not in repr(settings)


@pytest.mark.parametrize("study", ["StudyInstanceUID", "0020000D", "0020000d"])
def test_a_search_for_labels_has_the_keys_of_patient_and_study_only(study, monkeypatch):
    monkeypatch.setenv("ACSNET_PACS_SEARCH", f"{study}=1.2&StationName=MR1")
    settings = pacs_settings(URL)
    assert settings.search_for("SEG") == {study: "1.2", "Modality": "SEG"}
    assert settings.search_for("MR") == {study: "1.2", "StationName": "MR1", "Modality": "MR"}


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(InputError, match="ACSNET_PACS_PASSWORD") as caught:
        pacs_settings("https://reader:hush@pacs.example.org/dicom-web")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://", "got 'https://'"),
        ("http://:8042/x", "got 'http://:8042/x'"),
        ("https://host:x/?token=hush", "got 'https://host:x/'"),
        ("https://me:hush@host:x/", "got one with a login"),
        ("http://h/?a=b", "the PACS h must not"),
        ("ftp://host/", "got 'ftp://host/'"),
    ],
)
def test_an_address_that_is_none_is_refused_and_named_without_its_secrets(url, named):
    with pytest.raises(InputError, match="address of") as caught:
        pacs_settings(url)
    assert named in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACSNET_PACS_LGE", "("),
        ("ACSNET_PACS_CACHE_SECONDS", "soon"),
        ("ACSNET_PACS_CACHE_SECONDS", "-1"),
        ("ACSNET_PACS_CACHE_SECONDS", "nan"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=name):
        pacs_settings(URL)


def test_folders_are_no_addresses():
    assert is_dicomweb("http://host/x")
    assert is_dicomweb("HTTPS://host/x")
    assert not is_dicomweb("/studies/http")
