"""Learning: the loss functions, the one training loop, and the thread policy."""
