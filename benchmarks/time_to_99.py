"""Seconds of training until a convolutional network is right on 99.0 % of MNIST's test images.

    NEARSPACE_DATA=… python benchmarks/time_to_99.py [seeds]

Ours is `cnn` with a schedule of two epochs, chosen on a validation part. The textbook script has
convolutions of 32 and 64 channels, a hidden layer of 128, batches of 64 from a `DataLoader` that
converts item by item, Adam, and at most five epochs; only its training is timed, and it may stop
at the first epoch after which it is good enough. The two run in turn, seed by seed.
"""

import os
import statistics
import sys
import time

import numpy as np

from nearspace.learning.threads import let_waiting_threads_sleep

let_waiting_threads_sleep()  # as the command does, and before torch is imported

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from training import Textbook

from nearspace import load
from nearspace.encoders.learned.supervised import CNN

WANTED, EPOCHS = 0.99, 5


def ours(train, test, labels, seed):
    start = time.perf_counter()
    cnn = CNN(epochs=2, layer="logits", random_state=seed).fit(*train)
    seconds = time.perf_counter() - start
    return seconds, (cnn.transform(test).argmax(axis=1) == labels).mean()


def textbook(train, test, labels, seed):
    """Return the seconds of training until the accuracy, or for all epochs, and the accuracy."""
    torch.manual_seed(seed)
    net = nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Dropout(0.25), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5)),
        nn.Linear(128, 10),
    )
    optimizer = torch.optim.Adam(net.parameters())
    loader = DataLoader(Textbook(train[0][..., 0], train[1]), batch_size=64, shuffle=True)
    pixels = (torch.from_numpy(test).permute(0, 3, 1, 2).float() / 255 - 0.1307) / 0.3081
    seconds, accuracy = 0.0, 0.0
    for _ in range(EPOCHS):
        net.train()
        start = time.perf_counter()
        for batch, wanted in loader:
            loss = F.cross_entropy(net(batch), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds += time.perf_counter() - start
        net.eval()
        with torch.no_grad():
            found = torch.cat([net(part).argmax(dim=1) for part in pixels.split(1000)])
        accuracy = (found.numpy() == labels).mean()
        if accuracy >= WANTED:
            break
    return seconds, accuracy


def main():
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    mnist = load(os.environ["NEARSPACE_DATA"] + "/mnist")
    numbers = mnist.target.values.astype(np.int64)
    train = mnist.items[:60000], numbers[:60000]
    test, labels = mnist.items[60000:], numbers[60000:]
    CNN(epochs=1).fit(train[0][:500], train[1][:500])  # what is used first is imported
    times = {"cnn": [], "textbook": []}
    for seed in range(seeds):
        for name, run in (("cnn", ours), ("textbook", textbook)):
            seconds, accuracy = run(train, test, labels, seed)
            print(f"seed {seed}  {name:9s} {seconds:7.1f} s  {accuracy:.2%}", flush=True)
            times[name].append(seconds if accuracy >= WANTED else float("inf"))
    medians = {name: statistics.median(found) for name, found in times.items()}
    print("medians", medians)
    print(f"cnn / textbook  {medians['cnn'] / medians['textbook']:.3f}  (wanted: at most 0.2)")


if __name__ == "__main__":
    main()
