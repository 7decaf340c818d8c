"""A DICOMweb service without a network: what a client sends is kept, and each answer is made up."""

import io
import json

import pydicom
import requests

URL = "https://pacs.example.org/dicom-web"
LOGIN = {"user": "reader", "password": "hush"}


class Wire:
    """What the client sends, and the answers that it gets in turn."""

    def __init__(self):
        self.requests = []
        self.answers = []
        self.timeouts = []
        self.options = []

    def answer(self, status=200, content=b"", kind="application/dicom+json", **headers):
        self.answers.append((status, content, {"Content-Type": kind, **headers}))

    def json(self, *objects, warning=""):
        self.answer(content=json.dumps(objects).encode(), Warning=warning)

    def instance(self, dataset, *, preamble=b""):
        stream = io.BytesIO()
        pydicom.dcmwrite(stream, dataset, write_like_original=False)
        part = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + stream.getvalue()
        kind = 'multipart/related; type="application/dicom"; boundary=x'
        self.answer(content=preamble + part + b"\r\n--x--\r\n", kind=kind)

    def send(self, _adapter, request, stream, timeout, verify, cert, proxies):
        self.requests.append(request)
        self.timeouts.append(timeout)
        self.options.append({"verify": verify, "proxies": proxies})
        assert verify is not False
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, content, headers = answer
        response.headers.update(headers)
        response.raw = io.BytesIO(content)
        response.request, response.url = request, request.url
        return response
