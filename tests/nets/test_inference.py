"""Which devices the networks are made for."""

import sys

import pytest
import torch
from typer.testing import CliRunner

from acsnet import Pipeline
from acsnet.cli.main import app
from acsnet.errors import DeviceError, InputError
from acsnet.nets import inference
from acsnet.nets.inference import Form, load_codec

NO_GPU = "device cuda was asked for, but torch finds no GPU here: use --device cpu"


def find_gpus(monkeypatch, count):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


@pytest.mark.parametrize("device", ["gpu", "mps", "meta", "cuda:", "cuda:-1", "CPU", ""])
def test_another_device_is_refused(device):
    with pytest.raises(InputError, match=f"device must be cpu or cuda, got '{device}'"):
        Pipeline.load(device=device)


@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_a_gpu_that_is_not_there_is_refused(monkeypatch, device):
    find_gpus(monkeypatch, 0)
    with pytest.raises(InputError, match=NO_GPU):
        Pipeline.load(device=device)


def test_a_gpu_is_one_of_those_that_are_there(monkeypatch):
    find_gpus(monkeypatch, 2)
    assert [Form(device=name).without_torch for name in ("cuda", "cuda:1")] == [False, False]
    with pytest.raises(InputError, match="device cuda:2 was asked for, but torch finds 2 GPUs"):
        Form(device="cuda:2")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"uncertainty": True}, "uncertainty"),
        ({"reference": True}, "the reference"),
        ({"device": "cuda:1"}, "device cuda:1"),
    ],
)
def test_what_needs_pytorch_says_how_to_install_it(monkeypatch, options, what):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DeviceError) as refused:
        Pipeline.load(**options)
    assert str(refused.value) == (
        f"{what} needs PyTorch, which is not installed: "
        "run pip install '.[train]' in the project's folder"
    )


@pytest.mark.parametrize(
    ("device", "message"), [("cuda", NO_GPU), ("gpu", "Invalid value for '--device'")]
)
@pytest.mark.parametrize("command", ["segment", "compare"])
def test_a_command_refuses_a_device_in_one_sentence(
    samples, tmp_path, monkeypatch, command, device, message
):
    find_gpus(monkeypatch, 0)
    scan = str(samples / "nifti" / "phantom-1.nii.gz")
    inputs = [scan] * (2 if command == "compare" else 1)
    words = [command, *inputs, "--output", str(tmp_path / "out"), "--device", device]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


def test_a_fault_of_openvino_is_not_called_one_of_the_weights(monkeypatch):
    def fail(weights, *, threads):
        msg = '"EXPLICIT" is not a member of enum ov::op::PadType'
        raise RuntimeError(msg)

    monkeypatch.setattr(inference, "FusedAutoencoder", fail)
    with pytest.raises(
        DeviceError, match="OpenVINO cannot build the network 'autoencoder' on this"
    ):
        load_codec()
    with pytest.raises(DeviceError, match='"EXPLICIT" is not a member of enum'):
        load_codec()
