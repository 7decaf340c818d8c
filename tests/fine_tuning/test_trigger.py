from acsnet.fine_tuning.trigger import Review, new_reviews, waits_for


def reviews(count, at=100.0):
    return {f"case{k}": Review(sha256=f"digest{k}", at=at + k) for k in range(count)}


def waits(reviewed, seen=None, *, now=1000.0, labels=3, pause_s=60.0):
    return waits_for(reviewed, seen or {}, now=now, labels=labels, pause_s=pause_s)


def test_enough_new_labels_and_a_pause_begin_a_training():
    assert waits(reviews(3)) is None


def test_too_few_do_not():
    assert waits(reviews(2)) == "2 of 3 newly reviewed labels so far"


def test_labels_seen_before_do_not_count_but_changed_ones_do():
    seen = {f"case{k}": f"digest{k}" for k in range(4)} | {"case1": "an older one"}
    assert new_reviews(reviews(5), seen) == ["case1", "case4"]
    assert waits(reviews(5), seen) == "2 of 3 newly reviewed labels so far"


def test_readers_who_go_on_saving_put_it_off():
    assert waits(reviews(3, at=100.0), now=161.9) == "readers are at work"  # the last at 102
    assert waits(reviews(3, at=100.0), now=162.0) is None


def test_reviews_of_before_the_clock_was_set_back_do_not_put_it_off():
    ahead = reviews(3, at=5000.0)
    assert waits(ahead, now=1000.0) is None
    recent = {**ahead, "case0": Review(sha256="digest0", at=950.0)}
    assert waits(recent, now=1000.0) == "readers are at work"


def test_at_zero_it_never_begins_by_itself():
    assert waits(reviews(50), labels=0) == "training begins on request only"
