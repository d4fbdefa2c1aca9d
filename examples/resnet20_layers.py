"""What each layer of a ResNet-20 is worth that was trained on the very pictures it is judged on.

The pictures are a sample of the training images of CIFAR-10, so its last stage knows their classes
almost by heart: these figures say what training does to each layer, not how well the network
generalises. $NEARSPACE_DATA is the folder that holds ``cifar10-sample`` and ``resnet20-cifar10``.
"""

import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from nearspace import Dataset
from nearspace.data import Image as ImageKind
from nearspace.encoders.borrowed.network import Network
from nearspace.judge.studies.layers import compare_layers
from nearspace.report.layers import layers_page, places_sections

DATA = Path(os.environ["NEARSPACE_DATA"])
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Block(nn.Module):
    """Two convolutions, and a shortcut around them that has no weights (option A)."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.new = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        # Every other pixel, and zeros for the channels that are new, half of them on each side.
        x = x[:, :, :: self.stride, :: self.stride]
        return F.relu(y + F.pad(x, (0, 0, 0, 0, self.new // 2, self.new - self.new // 2)))


class ResNet20(nn.Module):
    """Three stages of three blocks, with 16, 32 and 64 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(Block(16, 16, 1) for _ in range(3)))
        self.layer2 = nn.Sequential(Block(16, 32, 2), *(Block(32, 32, 1) for _ in range(2)))
        self.layer3 = nn.Sequential(Block(32, 64, 2), *(Block(64, 64, 1) for _ in range(2)))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean(dim=(2, 3)))


def trained_network() -> ResNet20:
    file = next((DATA / "resnet20-cifar10").glob("*.th"))
    state = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
    net = ResNet20()
    net.load_state_dict({key.removeprefix("module."): value for key, value in state.items()})
    return net.eval()


def pictures() -> Dataset:
    """Return the sample; each of its files is a picture of 1,000 rows, one of 32 × 32 × 3 a row."""
    folder = DATA / "cifar10-sample"
    rows = [np.asarray(Image.open(file)) for file in sorted(folder.glob("*.png"))]
    items = np.concatenate(rows).reshape(-1, 32, 32, 3)
    numbers = np.loadtxt(folder / "labels.txt", dtype=int)
    labels = np.array(CLASSES)[numbers]
    return Dataset(items, ImageKind.infer(items), target=labels, name="a sample of CIFAR-10")


network = Network(trained_network(), name="ResNet-20", mean=MEAN, std=STD)
board = compare_layers(pictures(), network, pool="mean")
for row in board.rows:
    knn, probe = row.scores["knn"], row.scores["probe"].value
    told = f"{knn.value:6.1%} 5-NN [{knn.low:.1%}, {knn.high:.1%}]"
    print(f"{row.name:8} {row.dim:3} numbers  {told}  {probe:6.1%} probe")
print("The network was trained on these very images: of others it knows less.")
print("report:", layers_page(board, places_sections(board)).write("layers.html"))
