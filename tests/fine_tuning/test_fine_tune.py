"""The schedule of a fine-tuning."""

import pytest

from acsnet.fine_tuning.fine_tune import USUAL, Schedule
from acsnet.nets.torch_weights import random_network
from acsnet.train.recipes import RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_few_scans_give_enough_steps(name):
    """480 images in batches of at most 32 are 15 steps an epoch or more."""
    network = random_network(RECIPES[name].net)
    recipe = USUAL.recipe(name, network, epochs=None)
    assert recipe.images_an_epoch // recipe.batch >= 15
    assert recipe.learning_rate < RECIPES[name].learning_rate
    assert recipe.net == network.config


def test_epochs_asked_for_are_those_of_every_network_and_the_prior_counts_as_one():
    schedule = Schedule(epochs={"autoencoder": 4, "roi": 2})
    assert schedule.total_epochs(["roi", "autoencoder", "prior"], epochs=None) == 7
    assert schedule.total_epochs(["roi", "autoencoder", "prior"], epochs=3) == 7
    assert schedule.total_epochs(["prior"], epochs=3) == 1
