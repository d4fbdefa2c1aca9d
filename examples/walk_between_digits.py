"""Walk from one digit to another through the space of an autoencoder, and save the pictures."""

import numpy as np
from PIL import Image

from nearspace import load, make
from nearspace.space.decode import interpolate

digits = load("digits")
autoencoder = make("autoencoder(dim=8, epochs=20)").fit(digits.items)

start, end = autoencoder.transform(digits.items[[0, 1]])
walk = autoencoder.inverse_transform(interpolate(start, end, n=9))

strip = np.hstack([(255 * image[..., 0]).round().astype(np.uint8) for image in walk])
Image.fromarray(strip).resize((9 * 64, 64), Image.Resampling.NEAREST).save("walk.png")
print("walk.png:", strip.shape)
