"""Can the space of an autoencoder be sampled? Draws decoded, and judged by another classifier.

    NEARSPACE_DATA=… python benchmarks/sampling.py

An autoencoder, a VAE and an adversarial autoencoder of the same bodies, dimension and schedule
learn MNIST's training images; the autoencoder as it is, begun at principal components, and begun
at random weights, as is usual. 10,000 draws of each are decoded, and a convolutional network that
was trained to classify real digits looks at them: Fréchet distance of its `fc1` to that of the
test images, and the share of images of whose class it is at least 90 % sure.
"""

import itertools
import os
import time

import numpy as np
from scipy.special import softmax
from sklearn.mixture import GaussianMixture

from nearspace.learning.threads import let_waiting_threads_sleep

let_waiting_threads_sleep()  # as the command does, and before torch is imported

from nearspace import load, make
from nearspace.encoders.learned.autoencoder import Autoencoder
from nearspace.encoders.learned.prior import AAE, VAE
from nearspace.metrics.similarity import frechet_distance


class RandomStart(Autoencoder):
    """An autoencoder whose linear path stays at nothing."""

    def start(self, nets, x):
        """Leave the first weights as they are."""


ENCODERS = {"autoencoder": Autoencoder, "random start": RandomStart, "vae": VAE, "adversarial": AAE}
SHARED = {"hidden": (512, 256), "learning_rate": 2e-3, "batch_size": 128, "epochs": 10}
SEEDS, DRAWS, COMPONENTS, SURE = (0, 1, 2), 10_000, 50, 0.9


def draws(codes, seed):
    """Return vectors by name of the way in which they are drawn."""
    ways = {"N(0, I)": np.random.default_rng(seed).standard_normal((DRAWS, codes.shape[1]))}
    for name, components in (("fitted Gaussian", 1), ("fitted mixture", COMPONENTS)):
        # In float32 a covariance is no longer one to the last digit, which sampling asks of it.
        mixture = GaussianMixture(components, reg_covar=1e-4, max_iter=50, random_state=seed)
        ways[name] = mixture.fit(codes[:20_000].astype(np.float64)).sample(DRAWS)[0]
    return ways


def main():
    mnist = load(os.environ["NEARSPACE_DATA"] + "/mnist")
    train, test = mnist.items[:60_000], mnist.items[60_000:]
    start = time.perf_counter()
    classifier = make("cnn").fit(train, mnist.target.values[:60_000])
    print(f"classifier: {time.perf_counter() - start:.0f} s", flush=True)
    last = classifier.nets_["classifier"].logits
    weight, bias = (part.detach().numpy() for part in (last.weight, last.bias))
    real = classifier.transform(test)

    def judge(images):
        seen = classifier.transform(images)
        sure = softmax(seen @ weight.T + bias, axis=1).max(axis=1) >= SURE
        return frechet_distance(seen, real), sure.mean()

    found = {
        ("test images", ""): [judge(test)],
        ("training images", ""): [judge(train[:DRAWS])],
    }
    for seed, name in itertools.product(SEEDS, ENCODERS):
        start = time.perf_counter()
        encoder = ENCODERS[name](16, random_state=seed, **SHARED).fit(train)
        print(f"{name}, seed {seed}: {time.perf_counter() - start:.0f} s", flush=True)
        ways = {"codes of test images": encoder.transform(test)}
        for way, vectors in (ways | draws(encoder.transform(train), seed)).items():
            score = judge(encoder.inverse_transform(vectors))
            found.setdefault((name, way), []).append(score)
            print(f"  {way}: {score[0]:.1f}, {score[1]:.1%}", flush=True)
    print(f"\n{'':16s}{'drawn from':22s}{'Fréchet distance':>22s}{'sure of class, %':>22s}")
    for (name, way), scores in found.items():
        distances, sure = np.transpose(scores)
        print(f"{name:16s}{way:22s}{spread(distances):>22s}{spread(100 * sure):>22s}")


def spread(values):
    """Return the mean, and the range where there are several."""
    text = f"{np.mean(values):.1f}"
    return text if len(values) == 1 else f"{text} [{min(values):.1f}, {max(values):.1f}]"


if __name__ == "__main__":
    main()
