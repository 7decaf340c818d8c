"""How long a session lasts, and how often one may try."""

import pytest

from acsnet.server.auth import sessions as login_sessions
from acsnet.server.auth.sessions import (
    FORGET_S,
    LIMITS,
    MAX_KEYS,
    MAX_WAIT_S,
    Attempts,
    Sessions,
)
from acsnet.server.identity import Person, Role

ANA = Person("ana", Role.ANNOTATOR)


@pytest.fixture
def sessions(clock):
    return Sessions(hours=10, idle_minutes=60, clock=clock)


def test_each_session_has_an_id_of_its_own_that_cannot_be_guessed(sessions):
    ids = {sessions.begin(ANA) for _ in range(100)}
    assert len(ids) == 100
    assert min(map(len, ids)) >= 43  # 32 random bytes
    assert sessions.find("made up") is None
    assert sessions.find("") is None


def test_ids_are_kept_as_hashes(sessions):
    assert sessions.begin(ANA) not in repr(vars(sessions))


def test_a_session_ends_when_it_is_not_used(sessions, clock):
    one = sessions.begin(ANA)
    clock.now += 3599
    assert sessions.find(one) == ANA
    clock.now += 3601
    assert sessions.find(one) is None
    clock.now -= 3601
    assert sessions.find(one) is None


def test_a_session_ends_though_it_is_used(sessions, clock):
    one = sessions.begin(ANA)
    for _ in range(20):
        clock.now += 1790
        assert sessions.find(one) == ANA
    clock.now += 1790
    assert sessions.find(one) is None  # 21 * 1790 s are more than ten hours


def test_who_logs_out_is_out(sessions):
    one, other = sessions.begin(ANA), sessions.begin(ANA)
    sessions.end(one)
    assert sessions.find(one) is None
    assert sessions.find(other) == ANA


def test_of_too_many_sessions_the_oldest_ends(sessions, monkeypatch):
    monkeypatch.setattr(login_sessions, "MAX_SESSIONS", 3)
    begun = [sessions.begin(ANA) for _ in range(4)]
    assert [sessions.find(one) for one in begun] == [None, ANA, ANA, ANA]


def test_five_failures_cost_nothing_then_each_costs_twice_as_long(clock):
    attempts = Attempts(clock)
    for _ in range(LIMITS["both"]):
        assert attempts.begin("ana", "10.0.0.7") == 0
    waits = []
    for _ in range(12):
        waits.append(attempts.begin("ana", "10.0.0.7"))
        clock.now += waits[-1]
        assert attempts.begin("ana", "10.0.0.7") == 0
    assert waits == [min(2**k, MAX_WAIT_S) for k in range(11)] + [MAX_WAIT_S]


def test_who_has_to_wait_is_not_made_to_wait_longer_by_trying(clock):
    attempts = Attempts(clock)
    for _ in range(50):
        attempts.begin("ana", "10.0.0.7")
    clock.now += 1
    assert attempts.begin("ana", "10.0.0.7") == 0


def test_one_address_cannot_try_many_names(clock):
    attempts = Attempts(clock)
    assert all(attempts.begin(f"name{k}", "10.0.0.7") == 0 for k in range(LIMITS["address"]))
    assert attempts.begin("another", "10.0.0.7") > 0
    assert attempts.begin("another", "10.0.0.8") == 0


def test_a_stranger_does_not_keep_the_owner_out_at_once(clock):
    attempts = Attempts(clock)
    for _ in range(20):
        attempts.begin("ana", "10.0.0.66")
    assert attempts.begin("ana", "10.0.0.7") == 0


def test_many_addresses_cannot_try_one_name_for_ever(clock):
    attempts = Attempts(clock)
    tried = sum(attempts.begin("ana", f"10.0.{k}.1") == 0 for k in range(250))
    assert tried == LIMITS["user"]


def test_success_takes_the_failures_back(clock):
    attempts = Attempts(clock)
    for _ in range(100):
        assert attempts.begin("ana", "10.0.0.7") == 0
        attempts.succeeded("ana", "10.0.0.7")


def test_a_login_of_ones_own_does_not_free_the_address(clock):
    """Else whoever has an account could try all other names from one address."""
    attempts = Attempts(clock)
    for k in range(LIMITS["address"] - 1):
        attempts.begin(f"name{k}", "10.0.0.7")
    assert attempts.begin("ana", "10.0.0.7") == 0
    attempts.succeeded("ana", "10.0.0.7")
    assert attempts.begin("another", "10.0.0.7") == 0
    assert attempts.begin("one more", "10.0.0.7") > 0


def test_failures_are_forgotten_after_an_hour(clock):
    attempts = Attempts(clock)
    for _ in range(2):
        for _ in range(LIMITS["both"]):
            assert attempts.begin("ana", "10.0.0.7") == 0
        assert attempts.begin("ana", "10.0.0.7") > 0
        clock.now += FORGET_S + 1


def test_where_memory_is_full_the_newest_failures_are_kept(clock, monkeypatch):
    monkeypatch.setattr(login_sessions, "MAX_KEYS", 6)  # each attempt has three
    attempts = Attempts(clock)
    attempts.begin("bob", "10.1.0.1")
    attempts.begin("eve", "10.1.0.2")
    for k in range(LIMITS["both"]):
        assert attempts.begin("ana", "10.0.0.7") == 0
        attempts.begin(f"name{k}", f"10.2.0.{k}")
    assert attempts.begin("ana", "10.0.0.7") > 0


def test_memory_is_bounded(clock):
    attempts = Attempts(clock)
    for k in range(MAX_KEYS):
        attempts.begin("x" * 1000 + str(k), str(k))
    assert len(attempts._tallies) <= MAX_KEYS
    assert max(len(part) for key in attempts._tallies for part in key) <= 64
