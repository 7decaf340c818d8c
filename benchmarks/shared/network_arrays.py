"""A network that was just made or trained, as arrays: what OpenVINO compiles."""

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet
from acsnet.nets.weights import NetworkWeights


def weights_of(network: ResUNet) -> NetworkWeights[ResUNetConfig]:
    """A network as arrays."""
    arrays = {key: tensor.float().cpu().numpy() for key, tensor in network.state_dict().items()}
    return NetworkWeights(config=network.config, arrays=arrays)
