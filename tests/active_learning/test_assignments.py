"""Who is given what."""

from acsnet.active_learning.assignments import NEVER, Offer, last_offer, share_out


def offer(at, reader):
    return Offer(at=at, reader=reader, strategy="acsnet", reason="")


def test_the_last_offer_counts():
    info = {
        "strategy": {
            "acsnet": {"ts": 100, "client_id": "ann", "reason": "it is new"},
            "diversity": {"ts": 90, "client_id": "bob"},
        }
    }
    expected = Offer(at=100.0, reader="ann", strategy="acsnet", reason="it is new")
    assert last_offer(info) == expected


def test_a_scan_never_offered():
    assert last_offer({}) == NEVER
    assert last_offer({"strategy": {"random": {"ts": None, "client_id": None}}}).reader == ""


def test_an_offer_holds_for_its_time():
    offers = {"a": offer(400, "ann"), "b": offer(401, "ann"), "c": offer(401, "bob"), "d": NEVER}
    shared = share_out(offers, offers, reader="ann", now=1000.0, busy_seconds=600.0)
    assert (shared.fresh, shared.own, shared.taken) == (("a", "d"), ("b",), ("c",))


def test_an_offer_from_before_the_clock_was_set_back_holds_no_longer_than_another():
    offers = {"a": offer(9000, "bob"), "b": offer(1599, "bob")}
    shared = share_out(offers, offers, reader="ann", now=1000.0, busy_seconds=600.0)
    assert (shared.fresh, shared.taken) == (("a",), ("b",))


def test_readers_without_a_name_go_round():
    offers = {"a": offer(999, ""), "b": NEVER}
    shared = share_out(offers, offers, reader="", now=1000.0, busy_seconds=600.0)
    assert (shared.fresh, shared.own, shared.taken) == (("b",), ("a",), ())
