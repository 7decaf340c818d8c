import errno
import os
import stat

import pytest

from acsnet.files.temporary import TEMPORARY
from acsnet.storage import (
    append_line,
    broken_rule,
    end_last_line,
    is_plain_name,
    natural_order,
    private_name,
    read_lines,
    shortened,
    write_bytes,
    write_json,
    write_text,
    writing,
    writing_folder,
)


def test_a_file_takes_the_place_of_the_one_before(tmp_path):
    write_text(tmp_path / "a.txt", "µ\n")
    write_bytes(tmp_path / "a.txt", b"second")
    assert (tmp_path / "a.txt").read_bytes() == b"second"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_after_an_error_the_file_before_stays_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "before")
    with pytest.raises(ZeroDivisionError), writing(tmp_path / "a.txt") as temporary:
        temporary.write_text(f"half {1 / 0}")
    assert (tmp_path / "a.txt").read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def no_hard_links(*_):
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


@pytest.mark.parametrize("link", [os.link, no_hard_links])
def test_a_file_that_is_to_be_the_first_leaves_the_one_before(tmp_path, monkeypatch, link):
    monkeypatch.setattr(os, "link", link)
    for content in (b"first", b"second"):
        write_bytes(tmp_path / "a.txt", content, private=True, replace=False)
    assert (tmp_path / "a.txt").read_bytes() == b"first"
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_an_error_names_the_file_that_was_wanted_and_not_the_temporary_one(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_bytes(tmp_path / "none" / "a", b"")
    assert caught.value.filename == str(tmp_path / "none" / "a")
    with pytest.raises(OSError, match="No space") as caught, writing(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")  # as of a write, which names none
    assert caught.value.filename == str(tmp_path / "a")
    with pytest.raises(FileNotFoundError) as caught, writing(tmp_path / "a"):
        (tmp_path / "other").read_bytes()
    assert caught.value.filename == str(tmp_path / "other")


def test_a_file_is_written_beside_its_place_under_a_name_that_repair_knows(tmp_path):
    with writing(tmp_path / "a") as temporary:
        assert temporary.parent == tmp_path
        assert TEMPORARY.fullmatch(temporary.name)


def test_a_private_file_is_its_owners_alone(tmp_path):
    write_bytes(tmp_path / "a", b"", private=True)
    write_bytes(tmp_path / "b", b"")
    (tmp_path / "c").touch()
    private, public, usual = (
        stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "b", "c")
    )
    assert private == 0o600
    assert public == usual


def test_json_never_holds_the_invalid_token_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())
    write_json(tmp_path / "a.json", {"x": None})
    assert (tmp_path / "a.json").read_text() == '{\n  "x": null\n}\n'


def test_a_folder_appears_whole(tmp_path):
    with writing_folder(tmp_path / "a") as new:
        (new / "x").write_text("1")
        assert not (tmp_path / "a").exists()
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["x"]


def test_a_folder_that_fails_is_gone(tmp_path):
    with pytest.raises(ZeroDivisionError), writing_folder(tmp_path / "a") as new:
        (new / "x").write_text(f"half {1 / 0}")
    assert not list(tmp_path.iterdir())


def test_what_is_put_in_place_is_on_the_disk_before(tmp_path, monkeypatch):
    """All files and folders; of a link, what it leads to is not touched."""
    done, fsync, replace = [], os.fsync, os.replace

    def noted(descriptor):
        done.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def moved(path, target):
        done.append("moved")
        replace(path, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "replace", moved)
    (tmp_path / "scan").touch()
    with writing_folder(tmp_path / "a") as new:
        (new / "weights").mkdir()
        (new / "weights" / "roi").write_text("1")
        (new / "weights" / "roi").chmod(0o444)
        (new / "link").symlink_to(tmp_path / "scan")
    whole = [tmp_path / "a" / "weights" / "roi", tmp_path / "a" / "weights", tmp_path / "a"]
    assert done == [*(path.stat().st_ino for path in whole), "moved", tmp_path.stat().st_ino]
    done.clear()
    write_bytes(tmp_path / "b", b"")
    assert done == [(tmp_path / "b").stat().st_ino, "moved", tmp_path.stat().st_ino]


def test_lines_come_back_in_their_order_without_those_cut_short(tmp_path):
    file = tmp_path / "deep" / "log.jsonl"
    assert read_lines(file) == []
    assert not end_last_line(file)
    append_line(file, {"n": 1})
    with file.open("ab") as stream:
        stream.write(b'{"n": 2')
    append_line(file, {"n": 3})
    assert read_lines(file) == [{"n": 1}, {"n": 3}]
    assert not end_last_line(file)


def test_of_a_line_for_which_the_disk_has_no_room_nothing_is_left(tmp_path, monkeypatch):
    file, write = tmp_path / "log.jsonl", os.write
    append_line(file, {"n": 1})
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:4]))
    with pytest.raises(OSError, match="the disk is full"):
        append_line(file, {"n": 2})
    assert file.read_bytes() == b'{"n": 1}\n'


def test_a_last_line_that_was_cut_short_is_ended_once(tmp_path):
    (tmp_path / "log").write_bytes(b'{"n": 1}\n{"n"')
    assert end_last_line(tmp_path / "log")
    assert not end_last_line(tmp_path / "log")
    assert (tmp_path / "log").read_bytes() == b'{"n": 1}\n{"n"\n'


def test_files_of_an_image_have_the_name_that_earlier_releases_gave_them():
    # The first half of its SHA-256: `printf abc | sha256sum`.
    assert private_name("abc") == "ba7816bf8f01cfea414140de5dae2223"


@pytest.mark.parametrize("name", ["a", "Case P 1", "x" * 200])
def test_plain_names_may_be_files(name):
    assert is_plain_name(name)


@pytest.mark.parametrize("name", ["", ".a", "..", "a/b", "a\\b", "a\0", "a\n", "é" * 101])
def test_other_names_may_not(name):
    assert not is_plain_name(name)


@pytest.mark.parametrize(
    ("name", "character"),
    [
        ("scan-1\u200b", "U+200B"),  # zero-width space
        ("\u202ex1-nacs", "U+202E"),  # right-to-left override: looks like scan-1x
        ("a\u2028b", "U+2028"),
        ("a\x85c", "U+0085"),
        ("sc\u00adan", "U+00AD"),  # soft hyphen
        ("a\nb", "U+000A"),
        ("a\udcffb", "U+DCFF"),
        ("sc\u200can", "U+200C"),  # joins nothing in Latin
        ("\u06cc\u200c\u200c", "U+200C"),
    ],
)
def test_what_nobody_can_see_in_a_name_is_told(name, character):
    rule = broken_rule(name, is_new=True)
    assert rule.endswith(f"other characters that cannot be shown, got {character}")


@pytest.mark.parametrize(
    "name",
    [
        "M\u00fcller \u5f20\u4e09 No.1",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
        "\u0915\u094d\u200d\u0937",  # Hindi
        "\u0d05\u0d35\u0d28\u0d4d\u200d",  # Malayalam, at the end
        "\u0600\u0661\u0662 \u06dd",  # Arabic signs of a number, and of the end of a verse
    ],
)
def test_names_in_other_scripts_are_plain(name):
    assert broken_rule(name, is_new=True) == ""


@pytest.mark.parametrize(
    "name", ["sc\u00adan", "\u202ex1-nacs", "a\u2028b", "a\x85c", "sc\u200can"]
)
def test_what_has_a_name_that_nobody_sees_whole_keeps_it(name):
    assert broken_rule(name) == ""


def test_a_name_that_is_not_plain_is_told_the_rule():
    assert broken_rule("") == "that is not empty"
    assert broken_rule("\u00e9" * 101) == "of at most 200 bytes, got 202"
    assert broken_rule("a" * 200) == ""


def test_only_a_name_that_is_too_long_is_cut_and_ends_in_a_digest():
    assert shortened("a" * 200) == "a" * 200
    # `printf %s NAME | sha256sum`; 95 letters of 2 bytes are the most in 200 - 9.
    assert shortened("\u00e9" * 101) == "\u00e9" * 95 + "-96cbf977"
    assert shortened("abcdefghijkl", limit=11) == "ab-d682ed4c"


def test_names_are_ordered_as_people_count():
    names = ["case10", "Case2", "case2", "case02", "a10b2", "a10b10", "a9", "", "7", "10", "1.2.10"]
    assert sorted(names, key=natural_order) == [
        "",
        "1.2.10",
        "7",
        "10",
        "a9",
        "a10b2",
        "a10b10",
        "Case2",
        "case02",
        "case2",
        "case10",
    ]
    assert sorted(["1" * 5000, "case\u0662"], key=natural_order) == ["1" * 5000, "case\u0662"]
