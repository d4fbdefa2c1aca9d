"""Samples a second of the training loop: ours, a bare loop in memory, a standard DataLoader.

    NEARSPACE_DATA=… python benchmarks/training.py

The three train the same classifier on MNIST with the same optimiser and batch size, in turn, in
one run. The DataLoader converts item by item, as the textbook does it.
"""

import os
import statistics
import time

import numpy as np

from nearspace.learning.threads import let_waiting_threads_sleep

let_waiting_threads_sleep()  # as the command does, and before torch is imported

import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from nearspace import load
from nearspace.learning.train import train
from nearspace.nets.perceptron import perceptron

BATCH, EPOCHS, ROUNDS = 128, 3, 7


class Textbook(Dataset):
    """One image at a time, by the steps that torchvision's MNIST, ToTensor and Normalize take."""

    def __init__(self, images, labels, mean=0.1307, deviation=0.3081):
        self.images, self.labels = torch.from_numpy(images), torch.from_numpy(labels)
        self.mean, self.deviation = [mean], [deviation]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        picture = Image.fromarray(self.images[index].numpy())
        bytes_ = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        pixels = bytes_.view(picture.size[1], picture.size[0], 1).permute(2, 0, 1).contiguous()
        pixels = pixels.to(torch.float32).div(255).clone()
        mean = torch.as_tensor(self.mean, dtype=pixels.dtype).view(-1, 1, 1)
        deviation = torch.as_tensor(self.deviation, dtype=pixels.dtype).view(-1, 1, 1)
        return pixels.sub_(mean).div_(deviation), int(self.labels[index])


def network():
    torch.manual_seed(0)
    return perceptron((1, 28, 28), (256, 64), 10, last="logits")


def step(net, optimizer, batch, labels):
    loss = F.cross_entropy(net(batch), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def adamw(net):
    return torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)


def data_loader(images, labels):
    net = network()
    optimizer = adamw(net)
    loader = DataLoader(Textbook(images, labels), batch_size=BATCH, shuffle=True, drop_last=True)
    start = time.perf_counter()
    for batch, wanted in loader:
        step(net, optimizer, batch, wanted)
    return len(images) / (time.perf_counter() - start)


def bare(x, y):
    net = network()
    optimizer = adamw(net)
    start = time.perf_counter()
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for i in range(len(x) // BATCH):
            rows = order[i * BATCH : (i + 1) * BATCH]
            step(net, optimizer, x[rows].float().div_(255), y[rows])
    return EPOCHS * len(x) / (time.perf_counter() - start)


def ours(batches, y, held_out=0.0):
    nets = torch.nn.ModuleDict({"net": network()})

    def losses(nets, batch, labels, generator):
        return {"cross_entropy": F.cross_entropy(nets["net"](batch), labels)}

    start = time.perf_counter()
    train(
        nets, losses, batches, y, epochs=EPOCHS, batch_size=BATCH, learning_rate=1e-3,
        seed=0, device="cpu", held_out=held_out,
    )  # fmt: skip
    return EPOCHS * len(batches) / (time.perf_counter() - start)


def main():
    mnist = load(os.environ["NEARSPACE_DATA"] + "/mnist")
    images, labels = mnist.items[:60000, :, :, 0], mnist.target.values[:60000].astype(np.int64)
    batches, y = mnist.kind.batches(mnist.items[:60000]), torch.from_numpy(labels)
    x = batches.waiting
    # A step is so small that ours takes one thread: so do the others, lest threads be compared.
    torch.set_num_threads(1)
    runs = {
        "ours": lambda: ours(batches, y),
        "ours, a tenth held out": lambda: ours(batches, y, held_out=0.1),
        "bare loop": lambda: bare(x, y),
        "DataLoader": lambda: data_loader(images, labels),
    }
    runs["ours"]()  # warm up: what is imported on first use
    rates = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            rates[name].append(run())
    for name, found in rates.items():
        print(f"{name:24s} {statistics.median(found):9.0f} samples/s")
    pairs = {name: zip(rates["ours"], found, strict=True) for name, found in rates.items()}
    faster = statistics.median(a / b for a, b in pairs["DataLoader"])
    overhead = statistics.median(b / a - 1 for a, b in pairs["bare loop"])
    print(f"ours / DataLoader        {faster:9.2f} x   (wanted: at least 3)")
    print(f"overhead over bare loop  {overhead:9.1%}     (wanted: at most 5 %)")


if __name__ == "__main__":
    main()
