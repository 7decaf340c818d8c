import json

import numpy as np
import pytest
import torch

from acsnet.errors import WeightsError
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_weights import load_network, save_network
from acsnet.nets.weights import (
    RANGES,
    Inner,
    copy_weights,
    read_manifest,
    read_weights,
    save_ranges,
)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    net = ResUNet(ResUNetConfig(base_filters=2, inputs=2, outputs=2))
    net.down[0].body[2].running_var.fill_(1e-9)  # nothing in half precision
    save_network(net, "myo", folder=tmp_path, about={"trained_on": "nothing"})
    return tmp_path


def test_a_saved_network_comes_back_to_half_precision(folder):
    net = load_network("myo", ResUNet, folder=folder)
    torch.manual_seed(0)
    original = ResUNet(ResUNetConfig(base_filters=2, inputs=2, outputs=2))
    for kept, made in zip(net.parameters(), original.parameters(), strict=True):
        assert torch.equal(kept, made.half().float())
    assert not net.training
    assert float(net.down[0].body[2].running_var[0]) == pytest.approx(1e-9)


def test_altered_weights_are_refused(folder):
    path = folder / "myo.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"myo\.safetensors: the checksum differs"):
        load_network("myo", ResUNet, folder=folder)


def test_missing_weights_are_refused(folder):
    (folder / "myo.safetensors").unlink()
    with pytest.raises(WeightsError, match="weights 'myo' are missing"):
        load_network("myo", ResUNet, folder=folder)


def test_an_unknown_network_is_refused(folder):
    with pytest.raises(WeightsError, match="does not describe the weights 'roi'"):
        load_network("roi", ResUNet, folder=folder)


@pytest.mark.parametrize("text", ["", "{", None])
def test_a_broken_or_missing_manifest_is_refused(folder, text):
    (folder / "manifest.json").unlink()
    if text is not None:
        (folder / "manifest.json").write_text(text)
    with pytest.raises(WeightsError, match=r"manifest\.json: the list of network weights"):
        read_manifest(folder)


def test_a_manifest_of_another_network_is_refused(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["myo"]["config"]["base_filters"] = 4
    path.write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="does not fit the network 'myo'"):
        load_network("myo", ResUNet, folder=folder)


def test_a_file_name_in_the_manifest_cannot_leave_the_folder(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["myo"]["file"] = "../../elsewhere.safetensors"
    path.write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="are missing"):
        load_network("myo", ResUNet, folder=folder)


def ranges_of(folder):
    return read_weights("myo", ResUNetConfig, folder=folder).ranges


def test_ranges_are_those_of_the_weights_that_they_were_measured_with(folder):
    assert ranges_of(folder) is None
    save_ranges("myo", {"down.0.mid": (-1.5, 20.0)}, folder=folder)
    assert ranges_of(folder) == {"down.0.mid": (-1.5, 20.0)}
    save_network(
        ResUNet(ResUNetConfig(base_filters=2, inputs=2, outputs=2)), "myo", folder=folder, about={}
    )
    assert ranges_of(folder) is None


def test_what_is_beyond_black_edges_comes_back(folder):
    beyond = {"down.0.mid": np.array([0.1234567, -3.0], np.float32)}
    inner = Inner(ranges={"down.0.mid": (-1.0, 2.0)}, beyond=beyond)
    save_ranges("myo", {"down.0.mid": (0.0, 1.0)}, inner=inner, folder=folder)
    copy_weights("myo", source=folder, folder=folder / "copy")
    for place in (folder, folder / "copy"):
        back = read_weights("myo", ResUNetConfig, folder=place).inner
        assert back.ranges == inner.ranges
        np.testing.assert_allclose(back.beyond["down.0.mid"], [0.123457, -3.0])


def test_each_network_keeps_its_ranges(folder):
    save_network(
        ResUNet(ResUNetConfig(base_filters=2, inputs=3, outputs=1)), "roi", folder=folder, about={}
    )
    for name, high in (("roi", 1.0), ("myo", 2.0)):
        save_ranges(name, {"down.0.mid": (0.0, high)}, folder=folder)
    for name, high in (("roi", 1.0), ("myo", 2.0)):
        ranges = read_weights(name, ResUNetConfig, folder=folder).ranges
        assert ranges == {"down.0.mid": (0.0, high)}


def test_copied_weights_keep_entry_and_ranges(folder):
    copy = folder / "copy"
    copy_weights("myo", source=folder, folder=copy)
    assert read_manifest(copy) == read_manifest(folder)
    assert ranges_of(copy) is None
    save_ranges("myo", {"down.0.mid": (0.0, 1.0)}, folder=folder)
    copy_weights("myo", source=folder, folder=copy)
    assert ranges_of(copy) == {"down.0.mid": (0.0, 1.0)}


@pytest.mark.parametrize("content", ["{", "[]", '{"myo": {"sha256": "SHA", "ranges": {"a": [1]}}}'])
def test_broken_ranges_are_told(folder, content):
    digest = read_manifest(folder)["myo"]["sha256"]
    (folder / RANGES).write_text(content.replace("SHA", digest))
    with pytest.raises(WeightsError, match=f"{RANGES} is broken"):
        ranges_of(folder)


def altered_ranges(folder):
    """The folder with ranges of which one number is ten times as small as when they were saved."""
    save_ranges("myo", {"down.0.mid": (0.0, 20.0)}, folder=folder)
    content = (folder / RANGES).read_text()
    (folder / RANGES).write_text(content.replace("20.0", "2.0"))
    return folder


def test_altered_ranges_are_refused(folder):
    with pytest.raises(WeightsError, match=f"{RANGES}: the checksum of the ranges of 'myo'"):
        ranges_of(altered_ranges(folder))


def test_altered_ranges_are_not_copied(folder):
    altered_ranges(folder)
    with pytest.raises(WeightsError, match="they were altered"):
        copy_weights("myo", source=folder, folder=folder / "copy")
    assert not (folder / "copy").exists()


def test_a_layout_of_its_own_does_not_alter_ranges(folder):
    save_ranges("myo", {"a": (0.0, 1.0), "b": (-2.0, 0.5)}, folder=folder)
    content = json.loads((folder / RANGES).read_text())
    content["myo"] = dict(reversed(content["myo"].items()))
    (folder / RANGES).write_text(json.dumps(content))
    assert ranges_of(folder) == {"a": (0.0, 1.0), "b": (-2.0, 0.5)}


def test_ranges_that_the_manifest_of_an_earlier_release_does_not_know_are_not_used(folder):
    save_ranges("myo", {"down.0.mid": (0.0, 1.0)}, folder=folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["myo"]["ranges_sha256"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert ranges_of(folder) is None


def test_weights_that_are_trained_further_do_not_vouch_for_the_ranges_before(folder):
    save_ranges("myo", {"down.0.mid": (0.0, 1.0)}, folder=folder)
    about = read_manifest(folder)["myo"]
    about = {key: about[key] for key in ("trained_on", "ranges_sha256")}
    network = ResUNet(ResUNetConfig(base_filters=2, inputs=2, outputs=2))
    save_network(network, "myo", folder=folder, about=about)
    assert "ranges_sha256" not in read_manifest(folder)["myo"]


@pytest.mark.parametrize("name", ["roi", "myo"])
def test_the_shipped_networks_have_ranges(name):
    """If not by their training, then by `python benchmarks/activation_ranges.py --data DATA`."""
    assert read_weights(name, ResUNetConfig).ranges
