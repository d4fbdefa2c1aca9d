"""What is told of groups: accused in vain, found, and how often intervals over groups hold.

    python benchmarks/groups.py alarms       # two minutes, with NEARSPACE_DATA set
    python benchmarks/groups.py hits         # three minutes
    python benchmarks/groups.py coverage     # two minutes; more draws with a number behind it

*Alarms*: values that are dealt at random, in the names of items of data without groups, and columns
of penguins that stand beside their measures. *Hits*: the speakers in the names of spoken digits
(means and deviations of 40 bands of pitch), users of a made table, and simulated groups whose items
differ the more from those of others, beside what k-NN loses where groups are left out. *Coverage*:
in what share of draws the interval of a mean over groups holds the mean over all groups there could
be, and that of the difference of two encoders; and how often two that are equally good are told
apart.
"""

import dataclasses
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import stats
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from nearspace import load
from nearspace.encoders.spec import make
from nearspace.judge.groups import find_groups
from nearspace.judge.protocol import Protocol
from nearspace.judge.sharing import neighbours_within, shared_by_neighbours
from nearspace.judge.statistics import compare_to_best, interval
from nearspace.judge.usual import USUAL

DATA = Path(os.environ["NEARSPACE_DATA"]) if "NEARSPACE_DATA" in os.environ else None


def accused(data):
    """Return how much is told for sure, what of, and the seconds that it took."""
    start = time.perf_counter()
    leaks, notes = find_groups(data, Protocol())
    named = [leak.name for leak in leaks]
    named += [note.split(" looks as if")[0] for note in notes if "looks as if" in note]
    return len(leaks), named, time.perf_counter() - start


def shared(data, values):
    """Return what near neighbours share of values, however little it is."""
    encoder = make(USUAL[data.kind.name].reference).fit_on(data)
    vectors, strata = encoder.transform(data.items), data.target.strata
    return shared_by_neighbours(
        neighbours_within(vectors, strata, 5, encoder.metric), values, strata
    )


# Alarms


def named_at_random(data, values, rng):
    """Return the same items, of which each has a name with one of so many values in it."""
    dealt = rng.integers(values, size=len(data))
    ids = np.array([f"v{value}_{row:05d}.x" for row, value in enumerate(dealt)], dtype=object)
    return dataclasses.replace(data, ids=ids, meta=None)


def of_public():
    """Yield data without groups, as far as is known."""
    yield load("digits")
    yield load("wine")
    yield load("sentences")
    if DATA is None:
        return
    yield load(DATA / "mnist", limit=2000)
    yield load(DATA / "humor" / "dev.csv.gz", column="text", labels="humor", limit=2000)
    yield cifar()


def cifar():
    """Return 2,000 small pictures of ten classes."""
    from PIL import Image

    folder = DATA / "cifar10-sample"
    sheets = [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]
    pixels = np.concatenate([sheet.reshape(-1, 32, 32, 3) for sheet in sheets])
    return load(pixels, labels=(folder / "labels.txt").read_text().split())


def alarms(rounds=10):
    print("values dealt at random in names: data, values, accused of rounds, largest excess, s")
    for data in of_public():
        data = dataclasses.replace(data, split=None, notes=())
        for values in (3, 6, 30, len(data) // 6):
            count, most, spent = 0, -9.0, []
            for seed in range(rounds):
                some = named_at_random(data, values, np.random.default_rng(seed))
                _, named, seconds = accused(some)
                count += bool(named)
                spent.append(seconds)
                if seed < 3:
                    own = np.array([each.partition("_")[0] for each in some.ids])
                    most = max(most, shared(some, own).excess)
            print(f"  {data.name:26s} {values:5d} {count:3d} of {rounds} {most:7.3f} "
                  f"{np.median(spent):6.2f}", flush=True)  # fmt: skip
    if DATA is not None:
        print("penguins, columns beside four measures: share, chance, excess, p")
        data = penguins()
        for name in data.meta.column_names:
            sharing = shared(data, data.meta[name].to_numpy())
            print(f"  {name:22s} {sharing.share:.3f} {sharing.chance:.3f} {sharing.excess:6.3f} "
                  f"{sharing.p:.3f}")  # fmt: skip
        print("  told:", accused(data)[:2])


def penguins():
    frame = pd.read_csv(DATA / "tables" / "penguins.csv").dropna()
    measures = frame.select_dtypes("float").to_numpy()
    scaled = (measures - measures.mean(axis=0)) / measures.std(axis=0)
    meta = pa.table({name: frame[name].astype(str) for name in ("island", "sex")})
    data = load(scaled, labels=frame["species"].to_numpy())
    return dataclasses.replace(data, meta=meta, name="penguins")


# Hits


def spoken():
    """Return spoken digits as means and deviations of bands, and as sounds, with their names."""
    from nearspace.data.spectrogram import log_mel

    sounds = load(DATA / "fsdd" / "recordings.zip", pattern="{label}_{}_{}.wav")
    rows = []
    for sound in sounds.items:
        bands = np.asarray(log_mel([sound.samples], sound.rate)[0])
        rows.append(np.concatenate([bands.mean(axis=0), bands.std(axis=0)]))
    vectors = np.array(rows, dtype=np.float32)
    data = load(vectors, labels=sounds.target.values)
    return dataclasses.replace(data, ids=sounds.ids, name="spoken digits, as bands"), sounds


def visits(users, rng, own):
    """Return rows of users, of which each has a place of its own and a label."""
    user = rng.integers(users, size=8 * users)
    places = own * rng.normal(size=(users, 4))[user] + rng.normal(size=(len(user), 4))
    labels = rng.choice(["stays", "leaves"], users)[user]
    frame = pd.DataFrame(places, columns=list("wxyz")).assign(user_id=[f"u{u}" for u in user])
    return load(frame, labels=labels)


def simulated(count, strength, rng, n=600, classes=3, width=8):
    """Return items of groups that lie apart by so many deviations, each with all classes."""
    group, label = rng.integers(count, size=n), rng.integers(classes, size=n)
    items = 1.2 * rng.normal(size=(classes, width))[label] + rng.normal(size=(n, width))
    items += strength * rng.normal(size=(count, width))[group]
    ids = np.array([f"g{g}_{row:04d}.x" for row, g in enumerate(group)], dtype=object)
    data = load(items, labels=label.astype(str))
    return dataclasses.replace(data, ids=ids)


def hits(rounds=20):
    if DATA is not None:
        bands, sounds = spoken()
        for data in (bands, dataclasses.replace(sounds, name="spoken digits, as sounds")):
            sure, named, seconds = accused(data)
            print(f"{data.name}: {named}, {sure} for sure, {seconds:.1f} s")
            names = [str(each).removesuffix(".wav").split("_") for each in data.ids]
            for at, what in ((1, "speaker"), (2, "index")):
                sharing = shared(data, np.array([name[at] for name in names]))
                print(f"  {what:8s} {sharing.share:.3f} {sharing.chance:.3f} {sharing.excess:6.3f}")
            for leak in find_groups(data, Protocol())[0]:
                print(f"  {leak.told}")
    print("made tables with a column user_id: strength, told, told for sure, of rounds")
    for own in (0.0, 0.5, 1.0, 2.0):
        results = [accused(visits(100, np.random.default_rng(s), own)) for s in range(5)]
        print(f"  {own:.1f} {sum(bool(each[1]) for each in results)} "
              f"{sum(each[0] > 0 for each in results)} of 5", flush=True)  # fmt: skip
    print("simulated: groups, strength, told, told for sure, mean excess, points lost by k-NN")
    for count in (6, 30, 100):
        for strength in (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0):
            some = [simulated(count, strength, np.random.default_rng(s)) for s in range(rounds)]
            results = [accused(data) for data in some]
            own = [np.array([each.partition("_")[0] for each in data.ids]) for data in some[:5]]
            pairs = list(zip(some, own, strict=False))
            excess = np.mean([shared(data, values).excess for data, values in pairs])
            lost = np.mean([points_lost(data, values) for data, values in pairs])
            print(
                f"  {count:4d} {strength:5.2f} {sum(bool(each[1]) for each in results):3d} "
                f"{sum(each[0] > 0 for each in results):3d} of {rounds} {excess:7.3f} {lost:6.1f}",
                flush=True,
            )


def points_lost(data, values):
    """Return what 5-NN loses, in points, where groups are left out in folds."""
    model, labels = KNeighborsClassifier(5), data.target.values
    apart = cross_val_score(model, data.items, labels, groups=values, cv=GroupKFold(5))
    mixed = StratifiedKFold(5, shuffle=True, random_state=0)
    return 100 * (cross_val_score(model, data.items, labels, cv=mixed).mean() - apart.mean())


# Coverage


def scored(rng, groups, items, rate, spread, rows=1, apart=0.0):
    """Return 0/1 scores of rows on groups that are harder or easier, for all rows but a part."""
    common = spread * rng.normal(size=groups)
    own = apart * rng.normal(size=(rows, groups))
    sizes = rng.multinomial(items * groups, rng.dirichlet(np.full(groups, 8.0)))
    of = np.repeat(np.arange(groups), sizes)
    # Probit: the mean over all groups there could be is the rate.
    level = stats.norm.ppf(rate) * np.sqrt(1 + spread**2 + apart**2)
    chance = stats.norm.cdf(level + common + own)[:, of]
    return (rng.random(chance.shape) < chance)[:, None] * 1.0, of


def coverage(rounds=1000):
    print(
        "groups, items each, rate, spread: mean held %, width; difference held %, by Student alone"
    )
    print("    and by the rule of verdicts; two equal rows told apart %")
    for groups in (3, 4, 5, 6, 10, 30):
        for items, rate, spread in (
            (50, 0.7, 0.5),
            (50, 0.9, 0.5),
            (500, 0.8, 1.0),
            (20, 0.95, 0.3),
        ):
            held, width, pair, surely, apart = 0, [], 0, 0, 0
            for seed in range(rounds):
                rng = np.random.default_rng(seed)
                scores, of = scored(rng, groups, items, rate, spread, rows=2, apart=0.3)
                low, high = interval(scores[:1], of)
                held += low[0] <= rate <= high[0]
                width.append(high[0] - low[0])
                both = interval(scores[:1] - scores[1:], of, bounded=False)
                pair += both[0][0] <= 0 <= both[1][0]
                both = interval(scores[:1] - scores[1:], of, differences=True)
                surely += both[0][0] <= 0 <= both[1][0]
                apart += not compare_to_best(scores, of, random_state=seed).tied.all()
            print(
                f"  {groups:3d} {items:4d} {rate:.2f} {spread:.1f}: {100 * held / rounds:5.1f} "
                f"{100 * np.median(width):5.1f} {100 * pair / rounds:6.1f} "
                f"{100 * surely / rounds:5.1f} "
                f"{100 * apart / rounds:5.1f}",
                flush=True,
            )


if __name__ == "__main__":
    part, *count = sys.argv[1:] or ["alarms"]
    {"alarms": alarms, "hits": hits, "coverage": coverage}[part](*map(int, count))
