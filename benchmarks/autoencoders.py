"""What autoencoders and VAEs reach on MNIST's test images, and the textbook script beside them.

    NEARSPACE_DATA=… python benchmarks/autoencoders.py

The schedules were chosen on the last 10,000 training images. The textbook script is the common
784-128-64-12-6 autoencoder: a sigmoid on the bottleneck, inputs in [-1, 1] against a sigmoid
output, Adam, batches of 64 from a `DataLoader` that converts item by item, ten epochs. Six
epochs of ours are timed against it; the other rows of autoencoders are the default.
"""

import itertools
import os
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
from nearspace.encoders.spec import make

AUTOENCODERS = {
    "autoencoder(dim=6, epochs=6)": 0.0190,
    "autoencoder(dim=6)": 0.0190,
    "autoencoder(dim=16)": 0.0100,
    "autoencoder(dim=32)": 0.0055,
}
VAES = {
    "vae(dim=20)": 101.0,
    "vae(dim=2, hidden=(512, 512, 512), batch_size=256, epochs=24)": 142.0,
}


def textbook(train, labels, test, epochs=10):
    torch.manual_seed(0)
    sizes = [784, 128, 64, 12, 6]
    layers = []
    for widths in (sizes, sizes[::-1]):
        for inputs, outputs in itertools.pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        layers[-1] = nn.Sigmoid()
    net = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(net.parameters())
    loader = DataLoader(Textbook(train[..., 0], labels, 0.5, 0.5), batch_size=64, shuffle=True)
    start = time.perf_counter()
    for _ in range(epochs):
        for batch, _ in loader:
            batch = batch.flatten(1)
            loss = F.mse_loss(net(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        pixels = torch.from_numpy(test.reshape(len(test), -1)).float() / 255
        return seconds, F.mse_loss(net(pixels * 2 - 1), pixels).item()


def autoencoder(spec, train, test):
    start = time.perf_counter()
    encoder = make(spec).fit(train)
    seconds = time.perf_counter() - start
    decoded = encoder.inverse_transform(encoder.transform(test))
    return seconds, float(np.square(decoded - test / 255).mean())


def main():
    mnist = load(os.environ["NEARSPACE_DATA"] + "/mnist")
    train, test = mnist.items[:60000], mnist.items[60000:]
    make("autoencoder(dim=2, epochs=1)").fit(train[:500])  # what is used first is imported
    times = {}
    for spec, wanted in AUTOENCODERS.items():
        pca = make(f"pca(dim={make(spec).dim})").fit(train)
        floor = np.square(pca.inverse_transform(pca.transform(test)) - test / 255).mean()
        times[spec], error = autoencoder(spec, train, test)
        print(
            f"{spec:28s} test MSE {error:.4f} (wanted: at most {wanted:.4f}; PCA {floor:.4f})  "
            f"{times[spec]:.0f} s",
            flush=True,
        )
    seconds, error = textbook(train, mnist.target.values[:60000].astype(int), test)
    print(f"{'textbook, 6 dimensions':28s} test MSE {error:.4f}  {seconds:.0f} s")
    ratio = times["autoencoder(dim=6, epochs=6)"] / seconds
    print(f"six epochs of ours / textbook  {ratio:.2f}  (wanted: at most 0.33)", flush=True)
    for spec, wanted in VAES.items():
        start = time.perf_counter()
        vae = make(spec).fit(train)
        seconds = time.perf_counter() - start
        elbo = vae.elbo(test)
        print(
            f"{spec}  negative ELBO {-elbo.elbo:.1f} nats (wanted: at most {wanted:.0f}): "
            f"{elbo.reconstruction:.1f} reconstruction + {elbo.kl:.1f} KL, "
            f"{elbo.active_dimensions} active dimensions  {seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
