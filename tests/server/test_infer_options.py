import pytest

from acsnet.errors import InputError
from acsnet.server.inference.tasks import Options, options_of


def test_what_a_client_does_not_choose_is_the_pipelines_own(pipeline):
    assert options_of({}) == Options()
    assert Options().on(pipeline) == pipeline


def test_a_client_chooses_the_scar_method_the_masks_and_whether_to_tell_how_sure_it_is(pipeline):
    chosen = options_of(
        {"scar_method": ["half_max", "remote"], "keep_valid_masks": False, "uncertainty": True}
    ).on(pipeline)
    assert chosen.scar_method == "half_max"
    assert not chosen.corrector.keep_valid
    assert chosen.uncertainty
    assert chosen.myocardium_net is pipeline.myocardium_net


@pytest.mark.parametrize("name", ["keep_valid_masks", "uncertainty"])
@pytest.mark.parametrize("value", ["yes", 1, None])
def test_a_switch_that_is_neither_true_nor_false_is_refused(name, value):
    with pytest.raises(InputError, match=f"{name} must be true or false"):
        options_of({name: value})
