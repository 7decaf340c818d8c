import json
import subprocess
import sys
from dataclasses import replace
from threading import Thread

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from acsnet.errors import WeightsError
from acsnet.nets import openvino_runtime as ov
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.inference import Form, load_segmenter
from acsnet.nets.openvino_graph import enlarging_kernel, graph_of, in_range, in_steps
from acsnet.nets.openvino_network import FusedNetwork, compiled, network_precision
from acsnet.nets.openvino_runtime import opset13 as op
from acsnet.nets.processor import has_bfloat16, has_fast_8_bits
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_network import TorchNetwork
from acsnet.nets.torch_weights import save_network
from acsnet.nets.views import PAIRS, ViewRule, disagreement, without_edge
from acsnet.nets.weights import Inner, NetworkWeights, save_ranges
from acsnet.train.activation_ranges import activation_ranges, inner_of
from shared.network_arrays import weights_of

pytestmark = pytest.mark.slow


def network(**config):
    torch.manual_seed(0)
    net = ResUNet(ResUNetConfig(**{"base_filters": 4, "outputs": 2, "inputs": 3, **config}))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            # As after training: factors of both signs, means off zero.
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return net.eval()


def images(count=2, *, inputs=3, side=32):
    return np.random.default_rng(0).random((count, inputs, side, side), np.float32)


@pytest.mark.parametrize("config", [{}, {"depth": 2}, {"inputs": 4}], ids=["", "shallow", "same"])
def test_in_single_precision_the_fused_network_draws_what_the_plain_one_draws(config):
    net = network(**config)
    seen = images(inputs=net.config.inputs)
    plain = TorchNetwork(network=net)(seen)
    assert plain.std() > 0.05
    fused = FusedNetwork(weights_of(net), bfloat16=False)
    np.testing.assert_allclose(fused(seen), plain, atol=1e-4)


def test_it_computes_with_as_many_threads_as_it_is_given(monkeypatch):
    models = []

    def kept(model, **options):
        models.append(compiled(model, **options))
        return models[-1]

    monkeypatch.setattr("acsnet.nets.openvino_network.compiled", kept)
    FusedNetwork(weights_of(network()), bfloat16=False, threads=1)(images(1))
    assert [model.get_property("INFERENCE_NUM_THREADS") for model in models] == [1]


def test_in_bfloat16_it_differs_little():
    net = network()
    plain = TorchNetwork(network=net)(images())
    fused = FusedNetwork(weights_of(net), bfloat16=True)
    assert np.abs(fused(images()) - plain).mean() < 0.005


def measured(net, seen):
    """The network with its ranges, and with what it needs to leave out black edges."""
    weights = weights_of(net)
    ranges, inner = activation_ranges(weights, seen), inner_of(weights, seen)
    return replace(weights, ranges=ranges, inner=inner)


def test_a_convolution_in_8_bits_by_hand():
    # Steps of 1 from -1 to 254, and of 0.1 for weights up to 6.3.
    image = np.full((2, 2, 4, 4), [[[-7.0]], [[3.4]]], np.float32)
    image[0, 1, 0, 0] = 300.0
    weight = np.array([[6.3, 0.14], [0.0, 0.0]], np.float32)[:, :, None, None]
    x = op.parameter(image.shape, ov.Type.f32)
    y = op.convolution(in_range(x, -1.0, 254.0), in_steps(weight), [1, 1], [0, 0], [0, 0], [1, 1])
    drawn = compiled(ov.Model([y], [x], ""), bfloat16=False)([image])[0]
    expected = np.full((2, 2, 4, 4), -1 * 6.3 + 3 * 0.1)
    expected[0, 0, 0, 0] = -1 * 6.3 + 254 * 0.1
    expected[:, 1] = 0.0
    np.testing.assert_allclose(drawn, expected, atol=1e-4)


def test_in_8_bits_it_differs_little():
    net = network()
    drawn = FusedNetwork(measured(net, images()), eight_bits=True)(images())
    differ = np.abs(drawn - TorchNetwork(network=net)(images()))
    assert 1e-4 < differ.mean() < 0.02


@pytest.mark.skipif(not has_fast_8_bits(), reason="8 bits are imitated there")
def test_nearly_all_convolutions_multiply_integers():
    weights = measured(network(), images())
    graph = graph_of(weights, side=32, bfloat16=False, eight_bits=True)
    steps = compiled(graph, bfloat16=False).get_runtime_model().get_ordered_ops()
    infos = [step.get_rt_info() for step in steps]
    kernels = [i["primitiveType"].astype(str) for i in infos if "onv" in i["layerType"].astype(str)]
    # In floats: the first of the body and beside it, and the last of the body.
    assert len([kernel for kernel in kernels if kernel.endswith("I8")]) == len(kernels) - 3


@pytest.mark.parametrize("pairs", [2, 4])
def test_two_views_are_enough_where_they_agree_and_more_are_looked_at_where_not(pairs):
    net = network()
    with torch.no_grad():  # about half of the pixels are drawn
        net.head.bias -= net(torch.from_numpy(images())).mean(dim=(0, 2, 3))
    pair = np.stack(
        [
            TorchNetwork(network=net, views=[view])(images())  # (2, image, output, S, S)
            for view in PAIRS[0]
        ]
    )
    share = disagreement(pair)
    assert share.min() < share.max()
    expected = np.where(
        (share > share.mean())[:, None, None, None],
        TorchNetwork(network=net, views=[v for p in PAIRS[:pairs] for v in p])(images()),
        pair.mean(axis=0),
    )
    rule = ViewRule(limit=share.mean(), pairs=pairs)
    fused = FusedNetwork(weights_of(net), bfloat16=False, rule=rule)
    np.testing.assert_allclose(fused(images()), expected, atol=1e-4)
    plain = TorchNetwork(network=net, rule=rule)
    np.testing.assert_allclose(plain(images()), expected, atol=1e-5)


def in_black(image, *, edge):
    """The image in a black frame."""
    return np.pad(image, [(0, 0), (0, 0), (edge, edge), (edge, edge)])


def in_endless_black(net):
    """The values between the layers far from any edge of a black image."""
    values = {}
    blocks = {**dict(net.down.named_children()), **{f"up.{k}": b for k, b in enumerate(net.up)}}

    def kept(name):
        return lambda *seen: values.update({name: seen[2][0, :, 16, 16].numpy()})

    hooks = []
    for name, block in blocks.items():
        prefix = name if name.startswith("up") else f"down.{name}"
        for module, kind in ((block, "out"), (block.body[2], "mid")):
            hooks.append(module.register_forward_hook(kept(f"{prefix}.{kind}")))
    with torch.no_grad():
        net(torch.zeros(1, net.config.inputs, 64, 64))
    for hook in hooks:
        hook.remove()
    return values


@pytest.mark.parametrize(
    ("kind", "within"), [({}, 1e-4), ({"bfloat16": True}, 0.05), ({"eight_bits": True}, 0.1)]
)
def test_without_its_black_edge_an_image_goes_on_as_what_is_known_to_be_beyond(kind, within):
    net = network(depth=1)
    small = images(side=8)
    # No layer sees further than 16 pixels: at 24 the field's own edge is out of sight.
    expected = TorchNetwork(network=net)(in_black(small, edge=32))[..., 24:48, 24:48]
    weights = replace(weights_of(net), inner=Inner(ranges={}, beyond=in_endless_black(net)))
    ranges = activation_ranges(weights, in_black(small, edge=6), inner=True)
    weights = replace(weights, inner=replace(weights.inner, ranges=ranges))
    forms = (
        FusedNetwork(weights, **{"bfloat16": False, "eight_bits": False, **kind}),
        TorchNetwork(network=net, inner=weights.inner),
    )
    for form in forms:
        drawn = form(in_black(small, edge=8))
        inner = (..., slice(2, -2), slice(2, -2))
        np.testing.assert_allclose(drawn[inner], expected[inner], atol=within)
        assert not drawn[..., :2].any()


def test_an_image_without_black_edges_is_drawn_whole():
    net = network()
    weights = measured(net, in_black(images(side=48), edge=32))
    assert weights.inner is not None
    expected = TorchNetwork(network=net)(images())
    for form in (
        FusedNetwork(weights, bfloat16=False, eight_bits=False),
        TorchNetwork(network=net, inner=weights.inner),
    ):
        np.testing.assert_allclose(form(images()), expected, atol=1e-4)


def test_an_edge_that_is_black_is_left_out():
    image = in_black(np.ones((1, 2, 8, 8), np.float32), edge=4)[0]
    assert without_edge(image, 4) == slice(4, 12)
    image[1, 0, 7] = 1.0
    assert without_edge(image, 4) == slice(0, 16)
    assert without_edge(np.stack([0 * image, image]), 4) == slice(0, 16)
    assert without_edge(np.zeros((1, 8, 8), np.float32), 4) == slice(0, 8)
    assert without_edge(np.zeros((1, 8, 8), np.float32), 0) == slice(0, 8)


def test_each_image_is_drawn_as_if_it_were_alone():
    net, seen = FusedNetwork(weights_of(network())), images(3)
    together = net(seen)
    for k in range(3):
        np.testing.assert_array_equal(net(seen[k : k + 1])[0], together[k])


def test_no_image_gives_no_answer():
    assert FusedNetwork(weights_of(network()))(images(0)).shape == (0, 2, 32, 32)


def test_images_of_another_side_may_follow():
    net = FusedNetwork(weights_of(network()), bfloat16=False)
    for side in (32, 48, 32):
        seen = images(1, side=side)
        expected = TorchNetwork(network=network())(seen)
        np.testing.assert_allclose(net(seen), expected, atol=1e-4)


def test_threads_may_draw_at_once():
    net, seen = FusedNetwork(weights_of(network())), [images(1), 1.0 - images(1)]
    alone = [net(one) for one in seen]
    drawn = {}
    threads = [
        Thread(target=lambda k=k: drawn.update({k: [net(seen[k % 2]) for _ in range(5)]}))
        for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        for one in drawn[k]:
            np.testing.assert_array_equal(one, alone[k % 2])


def test_a_transposed_convolution_stands_for_enlargement_and_convolution():
    torch.manual_seed(0)
    image, weight = torch.rand(1, 3, 5, 5), torch.rand(2, 3, 3, 3)
    large = functional.interpolate(image, scale_factor=2, mode="nearest")
    expected = functional.conv2d(large, weight, padding=1)
    kernel = torch.from_numpy(enlarging_kernel(weight.numpy()))
    got = functional.conv_transpose2d(image, kernel, stride=2, padding=1)
    torch.testing.assert_close(got, expected)


def test_the_reference_is_the_network_as_it_was_trained():
    reference = load_segmenter("myo", Form(reference=True))
    assert isinstance(reference, TorchNetwork)
    assert next(reference.network.parameters()).dtype == torch.float32
    assert isinstance(load_segmenter("myo"), FusedNetwork)


@pytest.mark.parametrize("missing", ["down.1.body.0.weight", "up.0.body.5.running_var"])
def test_arrays_of_another_network_are_refused_when_they_are_loaded(missing):
    arrays = dict(weights_of(network()).arrays)
    del arrays[missing]
    with pytest.raises(KeyError, match=missing):
        FusedNetwork(NetworkWeights(config=network().config, arrays=arrays))


def test_what_runs_is_chosen_by_the_processor_and_by_the_ranges(tmp_path):
    save_network(network(), "myo", folder=tmp_path, about={})
    plain = load_segmenter("myo", Form(folder=tmp_path))
    assert (plain.eight_bits, plain.bfloat16) == (False, has_bfloat16())
    weights = measured(network(), images())
    save_ranges("myo", weights.ranges, folder=tmp_path)
    chosen = load_segmenter("myo", Form(folder=tmp_path))
    assert chosen.eight_bits == has_fast_8_bits()
    assert chosen.bfloat16 == (has_bfloat16() and not has_fast_8_bits())
    assert (network_precision(weights) == "8 bits") == has_fast_8_bits()


def test_ranges_of_another_network_are_refused_when_they_are_loaded():
    with pytest.raises(KeyError, match=r"down\.0\.mid"):
        FusedNetwork(replace(weights_of(network()), ranges={}), eight_bits=True)


def test_a_file_of_another_network_is_refused(tmp_path):
    save_network(network(), "myo", folder=tmp_path, about={})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["myo"]["config"]["base_filters"] = 8
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="does not fit the network 'myo'"):
        load_segmenter("myo", Form(folder=tmp_path))


def test_nothing_is_told_to_anyone_at_start(tmp_path):
    code = "import acsnet.pipeline, sys; assert sys.modules['openvino_telemetry'] is None"
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert not (tmp_path / "intel").exists()
