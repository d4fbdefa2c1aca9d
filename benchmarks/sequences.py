"""Language models of characters from scratch: ours beside a plain script of PyTorch.

Run: NEARSPACE_DATA=… python benchmarks/sequences.py [--steps N] [--rounds N] [--only NAME …]

The 40,000 lines of `tinyshakespeare`, of which the last tenth validates; 4 blocks of 128 numbers, 4
heads, context 64, no dropout: the setting for which the README of nanoGPT states a validation loss
of 1.88 after 2,000 steps of 12 windows, which are 1,536,000 tokens. The plain script is of that
setting: learned positions, GELU, AdamW with a warm-up and a cosine down to a tenth of 1e-3; with
`--steps 2352` it reads as many tokens as ours in two epochs. Ours are encoders as `make` gives
them, fitted to the other nine tenths, of whose windows they hold out a tenth for themselves. The
loss is that of all windows of the validating tenth, in nats a character. Then the loss of windows
of two and four times the length that was trained on; and tokens a second of training, ours and the
plain script's in turns.
"""

import argparse
import gzip
import math
import os
import statistics
import time
from pathlib import Path

from nearspace.learning.threads import let_waiting_threads_sleep, threads_for

let_waiting_threads_sleep()  # as the command does, and before torch is imported

import torch
import torch.nn.functional as F
from torch import nn

from nearspace import make
from nearspace.data.tokens import Windows
from nearspace.errors import DataError
from nearspace.learning.train import train

FOLDER = Path(os.environ["NEARSPACE_DATA"])
WIDTH, DEPTH, HEADS, CONTEXT, BATCH, RATE = 128, 4, 4, 64, 12, 1e-3
SHARED = f"dim={WIDTH}, tokens='char', context={CONTEXT}, dropout=0.0"
MIXED = f"{SHARED}, precision='bf16-mixed'"
OURS = {
    "transformer": f"transformer({MIXED}, epochs=2)",
    "transformer, steps of 64 windows": f"transformer({MIXED}, epochs=2, batch_size=64)",
    "transformer, one epoch": f"transformer({MIXED}, epochs=1)",
    "learned positions, one epoch": f"transformer({MIXED}, epochs=1, positions='learned')",
    "sink, one epoch": f"transformer({MIXED}, epochs=1, sink=True)",
    "gru": f"gru({SHARED}, epochs=2)",
}


def lines():
    """Return the lines that are learnt from, and those that validate."""
    packed = (FOLDER / "tinyshakespeare" / "input.txt.gz").read_bytes()
    every = gzip.decompress(packed).decode().split("\n")
    return every[: len(every) * 9 // 10], every[len(every) * 9 // 10 :]


class PlainBlock(nn.Module):
    """A block of GPT-2: normalisation, attention, normalisation, a perceptron."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        """Return tokens after they looked at those before them."""
        n, t, _ = x.shape
        query, key, value = (
            part.view(n, t, HEADS, -1).transpose(1, 2)
            for part in self.attention(self.norm1(x)).split(WIDTH, dim=2)
        )
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(n, t, WIDTH))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Plain(nn.Module):
    """A small GPT with learned positions, whose embeddings are the weights of its logits."""

    def __init__(self, n_tokens):
        super().__init__()
        self.tokens, self.places = nn.Embedding(n_tokens, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(PlainBlock() for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH)
        for name, param in self.named_parameters():
            if param.ndim == 2:
                last = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(param, std=0.02 / (math.sqrt(2 * DEPTH) if last else 1))
            elif "bias" in name:
                nn.init.zeros_(param)

    def forward(self, ids):
        """Return the logits of the next tokens."""
        x = self.tokens(ids) + self.places.weight[: ids.shape[1]]
        return F.linear(self.norm(self.blocks(x)), self.tokens.weight)


class PlainTraining:
    """The loop of the plain script, which can be gone on with."""

    def __init__(self, stream, n_tokens, steps):
        torch.manual_seed(0)
        self.stream, self.steps, self.done = stream.long(), steps, 0
        self.net = Plain(n_tokens)
        groups = [
            {"params": [p for p in self.net.parameters() if p.ndim == 2], "weight_decay": 0.1},
            {"params": [p for p in self.net.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.99))

    def rate(self):
        """Return the learning rate of the next step."""
        warm = min(100, self.steps // 10)
        if self.done < warm:
            return RATE * (self.done + 1) / (warm + 1)
        left = 0.5 * (1 + math.cos(math.pi * (self.done - warm) / max(1, self.steps - warm)))
        return RATE * (0.1 + 0.9 * left)

    def run(self, steps):
        """Take steps, and return the tokens that were read."""
        for _ in range(steps):
            starts = torch.randint(len(self.stream) - CONTEXT - 1, (BATCH,))
            batch = torch.stack([self.stream[at : at + CONTEXT + 1] for at in starts.tolist()])
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate()
            loss = F.cross_entropy(self.net(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            self.optimizer.step()
            self.done += 1
        return steps * BATCH * CONTEXT


def loss_of(logits, stream, length=CONTEXT):
    """Return the mean loss of all windows of a stream, in nats a token."""
    windows, total, n = Windows(stream, length), 0.0, 0
    with torch.no_grad():
        for batch in windows.parts(64):
            wanted = batch[:, 1:].flatten()
            told = logits(batch[:, :-1]).flatten(0, 1)
            total += F.cross_entropy(told, wanted, ignore_index=0, reduction="sum").item()
            n += int((wanted > 0).sum())
    return total / n


def logits_of(encoder):
    net = encoder.nets_["encoder"].eval()
    return lambda ids: net.logits(net(ids))


def timed(function):
    wall, used = time.perf_counter(), time.process_time()
    result = function()
    return result, time.perf_counter() - wall, time.process_time() - used


def speeds(encoder, stream, rounds, steps=10):
    """Return tokens a second of the clock, and of CPU time: ours and the plain script's, in turns.

    Both take windows of the same length, and as many a step as each is trained with.
    """
    plain = PlainTraining(stream, encoder.mark + 2, 10_000)
    size = encoder.batch_size_for(len(Windows(stream, CONTEXT)))
    windows = Windows(stream, CONTEXT).take(slice(0, steps * size))

    def ours(precision):
        train(
            encoder.build(), encoder.losses, windows, epochs=1, batch_size=size,
            learning_rate=encoder.learning_rate, seed=0, device="cpu", precision=precision,
            muon=encoder.muon, held_out=0.0,
        )  # fmt: skip
        return len(windows) * CONTEXT

    def theirs():
        with threads_for(math.inf):  # as many as ours, lest threads be compared
            return plain.run(2 * steps)

    runs = {
        "plain script": theirs,
        "ours": lambda: ours("32-true"),
        "ours, bf16-mixed": lambda: ours("bf16-mixed"),
    }
    plain.run(5)
    rates = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            tokens, wall, used = timed(run)
            rates[name].append((tokens / wall, tokens / used))
    print("| | tokens a second | of CPU time | times the plain script |")
    print("|---|---|---|---|")
    for name, own in rates.items():
        ratio = statistics.median(
            a[1] / b[1] for a, b in zip(own, rates["plain script"], strict=True)
        )
        wall, used = (statistics.median(part) for part in zip(*own, strict=True))
        print(f"| {name} | {wall:,.0f} | {used:,.0f} | {ratio:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=2000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--only", action="append", metavar="NAME", default=[])
    asked = parser.parse_args()
    learnt, validating = lines()
    names = asked.only or ["plain script", *OURS, "speed"]
    print("| | validation loss | tokens | seconds | of CPU time | held out |", flush=True)
    print("|---|---|---|---|---|---|", flush=True)
    alphabet = make(OURS["gru"])
    alphabet.learn_tokens(learnt)
    (stream, _), (other, _) = alphabet.stream(learnt), alphabet.stream(validating)
    if "plain script" in names:
        plain = PlainTraining(stream, alphabet.mark + 2, asked.steps)
        tokens, wall, used = timed(lambda: plain.run(asked.steps))
        loss = loss_of(plain.net.eval(), other)
        print(f"| plain script | {loss:.3f} | {tokens:,} | {wall:.0f} | {used:.0f} | |", flush=True)
    for name in filter(OURS.__contains__, names):
        encoder, wall, used = timed(lambda name=name: make(OURS[name]).fit(learnt))
        size = encoder.batch_size_for(len(encoder.training_batches(learnt)))
        tokens = encoder.history_["steps"] * size * CONTEXT
        loss, told = loss_of(logits_of(encoder), other), encoder.history_["held_out_loss"][-1]
        print(
            f"| {name} | {loss:.3f} | {tokens:,} | {wall:.0f} | {used:.0f} | {told:.3f} |",
            flush=True,
        )
        for times in (2, 4):
            try:
                longer = f"{loss_of(logits_of(encoder), other, times * CONTEXT):.3f}"
            except DataError as error:
                longer = str(error)
            print(f"{name}, windows of {times * CONTEXT}: {longer}", flush=True)
        print(encoder.sample("ROMEO:", length=200, random_state=0)[0], flush=True)
    if "speed" in names:
        for name in ("transformer", "transformer, steps of 64 windows", "sink, one epoch"):
            ours = make(OURS[name])
            ours.learn_tokens(learnt)
            print(f"\n{name}")
            speeds(ours, stream, asked.rounds)


if __name__ == "__main__":
    main()
