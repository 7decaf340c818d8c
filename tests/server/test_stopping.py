"""A server that is stopped while an inference runs longer than it may."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from in_process import app_over, application_of, client_of

from acsnet.server.inference.tasks import AcsnetTask


def test_who_waits_for_an_inference_that_is_cut_off_is_told_to_ask_again(
    tmp_path, samples, monkeypatch
):
    begun, over = threading.Event(), threading.Event()

    def endless(self, scan, pipeline, request):
        begun.set()
        assert over.wait(60)

    monkeypatch.setattr(AcsnetTask, "segment", endless)
    with app_over(tmp_path, samples / "nifti") as app, ThreadPoolExecutor(1) as threads:
        client = client_of(application_of(app))
        answer = threads.submit(client.post, "/infer/acsnet?image=phantom-1")
        try:
            assert begun.wait(60)
            start = time.monotonic()
            assert not app.drain(limit_s=0.01)
            answer = answer.result(30)
            assert time.monotonic() - start < 5  # what uvicorn waits for answers
        finally:
            over.set()
    assert answer.status_code == 503
    assert answer.json() == {"detail": "the server is being stopped: ask again in a minute"}
    assert answer.headers["Retry-After"] == "60"
