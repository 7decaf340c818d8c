"""A log line is one JSON object on one line, whoever tries to make two of it, and names nobody."""

import json
import logging

import pytest

from acsnet.errors import DeviceError, InputError, WeightsError
from acsnet.server.web.log_lines import (
    REPEAT_S,
    FileLines,
    JsonLines,
    NoRequests,
    PlainLines,
    error_fields,
    request_id,
)


def line(message, *arguments, name="acsnet.server", error=None, **extra):
    info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord(name, logging.INFO, "/x/file.py", 7, message, arguments, info)
    vars(record).update(extra)
    text = JsonLines().format(record)
    assert "\n" not in text
    assert text.isprintable()
    return json.loads(text)


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


def test_what_ends_lines_or_moves_a_cursor_is_escaped():
    text = 'x\r\n{"level": "CRITICAL"}\x1b[2J\u2028'
    entry = line("model %s is served", text)
    assert entry["message"] == f"model {text} is served"
    assert entry["level"] == "INFO"


def test_fields_and_the_id_of_the_request_are_told():
    token = request_id.set("abc")
    try:
        entry = line("request", fields={"route": "/info/", "status": 200})
    finally:
        request_id.reset(token)
    assert (entry["request"], entry["route"], entry["status"]) == ("abc", "/info/", 200)
    assert "request" not in line("started")


def test_messages_of_other_libraries_are_not_repeated():
    entry = line("Saving Label for Doe^John", name="monailabel.datastore.local")
    assert entry["message"] == "see file:7"


def test_the_text_of_an_error_stays_out_as_it_may_name_a_patient():
    entry = line("a scan could not be read", error=raised(InputError("Doe_John.nii is broken")))
    assert entry["error"] == "InputError"
    assert "Doe" not in json.dumps(entry)
    assert entry["at"][-1].startswith("test_log_lines.py:")


@pytest.mark.parametrize("kind", [WeightsError, DeviceError])
def test_errors_about_our_own_files_or_the_machine_say_their_reason(kind):
    assert error_fields(raised(kind("roi is altered")))["reason"] == "roi is altered"


def test_a_person_at_the_console_reads_sentences_and_no_request():
    request = logging.LogRecord("acsnet.server", logging.INFO, "x.py", 1, "request", (), None)
    request.fields = {"method": "GET", "route": "/", "status": 200}
    assert not NoRequests().filter(request)
    warning = logging.LogRecord(
        "acsnet.server", logging.WARNING, "x.py", 1, "no room\nfor 1.2.3.4.5.6", (), None
    )
    assert NoRequests().filter(warning)
    line = PlainLines().format(warning)
    assert line.endswith("warning: no room\\nfor [UID]")
    other = logging.LogRecord("pydicom", logging.ERROR, "y.py", 7, "patient Doe", (), None)
    assert PlainLines().format(other).endswith("error: see y:7 in the log")


def test_a_log_that_cannot_be_written_says_so_once_a_minute_and_names_nobody(tmp_path, capsys):
    now = [0.0]
    handler = FileLines(tmp_path / "app.log", encoding="utf-8")
    handler.clock = lambda: now[0]
    handler.stream.close()
    handler.stream = open("/dev/full", "w")  # noqa: PTH123, SIM115 # the handler closes it
    record = logging.LogRecord(
        "acsnet", logging.ERROR, "x.py", 1, "Doe_John.nii", (), raised_info("Doe_John.nii")
    )
    for _ in range(50):
        handler.handle(record)
    assert capsys.readouterr().err == "log lines cannot be written: OSError\n"
    now[0] = REPEAT_S
    handler.handle(record)
    assert capsys.readouterr().err == "log lines cannot be written: OSError\n"
    handler.stream = None


def raised_info(text):
    error = raised(InputError(text))
    return type(error), error, error.__traceback__
