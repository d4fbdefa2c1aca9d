"""One contract for every encoder of the catalogue, on every kind of data that it takes."""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from threadpoolctl import threadpool_info, threadpool_limits

from nearspace.data import SAMPLES, Sound, take_items, train_test_split
from nearspace.data.kinds.kind import Kind
from nearspace.data.kinds.series import outlines
from nearspace.encoders import CATALOGUE, encoder_class
from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.encoders.spec import make
from nearspace.metrics.labels import knn_scores
from nearspace.recipe import METRICS
from nearspace.space.space import embed
from tests import onnx_models, sound_models, text_models, vision_models
from tests.conftest import SAMPLE_OF_KIND

# Fewer epochs than by default, where the default would take its time.
QUICK = {
    "autoencoder": "autoencoder(dim=8, epochs=10)",
    "denoising": "denoising(dim=8, epochs=5)",
    "masked": "masked(dim=8, epochs=5)",
    "vae": "vae(dim=8, epochs=30)",
    "adversarial": "adversarial(dim=8, epochs=30)",
    "simclr": "simclr(epochs=6)",
    "vicreg": "vicreg(epochs=6)",
    "supcon": "supcon(epochs=4)",
    "mlp": "mlp(epochs=6)",
    "adapter": "adapter(epochs=6)",
    "cnn": "cnn(epochs=3)",
    "alexnet": "alexnet(epochs=4)",
    "entity": "entity(epochs=10)",
    "gru": "gru(dim=16, epochs=2)",
    "lstm": "lstm(dim=16, epochs=2)",
    "transformer": "transformer(dim=16, depth=2, epochs=2)",
    "pca": "pca(dim=8)",
    "bovw": "bovw(words=100)",
    "skipgram": "skipgram(dim=16, epochs=20)",
    "cbow": "cbow(dim=16, epochs=20)",
}
# Networks over time have more to compute for an item, and a few steps tell whether they learn.
OVER_TIME = {
    "autoencoder": "autoencoder(dim=8, epochs=4)",
    "denoising": "denoising(dim=8, epochs=4)",
    "masked": "masked(dim=8, epochs=4)",
    "vae": "vae(dim=8, epochs=12)",
    "adversarial": "adversarial(dim=8, epochs=12)",
    "simclr": "simclr(epochs=3)",
    "vicreg": "vicreg(epochs=3)",
    "supcon": "supcon(epochs=3)",
    "next_step": "next_step(dim=16, epochs=2)",
    "cnn": "cnn(epochs=6)",
}
CASES = [
    (name, kind)
    for name, entry in CATALOGUE.items()
    for kind in (sorted(Kind.registry) if entry.kinds == ("any",) else entry.kinds)
    if kind in Kind.registry  # what takes pairs has a contract of its own
]

# What has to be given to some.
OTHERS = {"pretrained", "onnx", "static"}  # whose models others have trained
AROUND = {"finetuned", "frozen"}  # what is around another encoder
NEEDED = {
    "vectors": ("a.npy",), "finetuned": ("simclr",), "frozen": ("a",),
    "shared": (make("tfidf"),), **dict.fromkeys(OTHERS, ("a/model",)),
}  # fmt: skip
TRAINED = {
    "finetuned",
    *(name for name, spec in (QUICK | OVER_TIME).items() if "epochs" in spec),
}
PLAIN = {"text": "tfidf", "table": "onehot", "audio": "mfcc"}


def quick(name, kind):
    """Return an unfitted encoder that is soon fitted on items of a kind."""
    over_time = OVER_TIME if kind in ("audio", "series") else {}
    return make(over_time.get(name, QUICK.get(name, name)))


def others_model(name, kind, folder):
    """Return the encoder around a model that others made for items of a kind."""
    rate = {"rate": 8000} if (name, kind) == ("onnx", "audio") else {}
    return encoder_class(name)(others_file(name, kind, folder), **rate)


def others_file(name, kind, folder):
    """Return the file or the folder of a model that takes items of a kind."""
    if name == "static":
        folder.joinpath("static").mkdir(exist_ok=True)
        return text_models.save_static(folder / "static")
    if name == "onnx":
        return onnx_models.of_kind(kind, folder / "onnx")
    if kind == "image":
        return vision_models.save(vision_models.vit, folder / "vit")
    if kind == "audio":
        return sound_models.save(sound_models.wav2vec2, folder / "wav2vec2")
    return text_models.save(text_models.bert, folder / "bert")


def around_another(name, kind, folder):
    """Return an encoder that is around another one."""
    if name == "frozen":
        plain = PLAIN.get(kind, "raw")
        saved = make(plain).fit_on(SAMPLES[SAMPLE_OF_KIND[kind]]()).save(folder / f"{kind}_plain")
        return make(f"frozen('{saved}')")
    start = "autoencoder(dim=8, epochs=2)"
    if kind == "text":
        start = f"pretrained('{text_models.save(text_models.bert, folder / 'bert')}')"
    return make(f"finetuned({start}, epochs=1)")


def each(cases):
    """Run a test over some cases, those that train a network under their mark."""
    marks = {True: pytest.mark.trains, False: ()}
    params = [pytest.param(*case, marks=marks[case[0] in TRAINED]) for case in cases]
    return pytest.mark.parametrize(("name", "kind"), params)


@pytest.fixture(scope="session")
def fitted(tmp_path_factory):
    """Return a function that gives the fitted encoder, training and test data of a case."""
    folder = tmp_path_factory.mktemp("vectors")

    @cache
    def of_case(name, kind):
        dataset = SAMPLES[SAMPLE_OF_KIND[kind]]()
        # Half tests: among few test items three standard errors are a wide margin.
        train, test, _ = train_test_split(dataset, test_size=0.5)
        train, test = dataset.take(train), dataset.take(test)
        if name == "vectors":
            plain = PLAIN.get(kind, "raw")
            path = folder / f"{kind}.npy"
            vectors = make(plain).fit_transform(dataset.items)
            np.save(path, vectors.toarray() if sparse.issparse(vectors) else vectors)
            return encoder_class(name)(str(path)).fit(dataset.items), train, test
        if name in OTHERS:  # random weights: even they keep some of what an item shows
            return others_model(name, kind, folder).fit(train.items), train, test
        encoder = around_another(name, kind, folder) if name in AROUND else None
        encoder = encoder or quick(name, kind)
        return encoder.fit(train.items, train.target.values), train, test

    return of_case


def dense(vectors):
    return vectors.toarray() if sparse.issparse(vectors) else vectors


def test_catalogue_says_what_the_classes_are():
    for name, entry in CATALOGUE.items():
        cls = encoder_class(name)
        kinds = set(Kind.registry) if entry.kinds == ("any",) else set(entry.kinds)
        assert kinds == {kind.name for kind in cls.kinds}, name
        encoder = cls(*NEEDED.get(name, ()))
        assert entry.learns == encoder.learns, name
        assert entry.decodes == encoder.decodes, name


@pytest.mark.parametrize("spec", [*CATALOGUE, "raw | pca", "pca + raw", "hog | l2"])
def test_what_is_not_fitted_says_so_in_a_sentence(spec):
    encoder = encoder_class(spec)(*NEEDED.get(spec, ())) if spec in CATALOGUE else make(spec)
    asked = [lambda: encoder.decoder, lambda: encoder.transform([]), encoder.dump]
    if hasattr(encoder, "inverse_transform"):
        asked.append(lambda: encoder.inverse_transform([[0.0]]))
    for ask in asked:
        with pytest.raises(NotFittedError, match=f"{type(encoder).__name__} instance is not fit"):
            ask()


@each(CASES)
def test_gives_one_finite_float32_vector_an_item(fitted, name, kind):
    encoder, _, test = fitted(name, kind)
    vectors = encoder.transform(test.items)
    assert isinstance(vectors, sparse.csr_array | np.ndarray)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(test), len(encoder.get_feature_names_out()))
    assert np.isfinite(dense(vectors)).all()


@each(CASES)
def test_declares_by_what_its_vectors_are_compared(fitted, name, kind):
    counts = {"bow", "tfidf", "hashing", "bovw", "colour_histogram"}
    read = {"gru", "lstm", "transformer", "skipgram", "cbow"}
    angles = {"adapter", "simclr", "supcon", "l2", "vectors", *read, *OTHERS}
    of_kind = {"raw", "onehot", *AROUND}
    by_cosine = name in counts | angles or (kind == "text" and name in of_kind)
    encoder, _, test = fitted(name, kind)
    assert encoder.metric in METRICS
    assert encoder.metric == ("dot" if name == "bm25" else "cosine" if by_cosine else "euclidean")
    again = Encoder.parse(encoder.dump(), "memory")
    assert again.metric == embed(test, again).recipe.metric == encoder.metric


@each(CASES)
def test_is_deterministic_and_clones_unfitted(fitted, name, kind):
    encoder, train, test = fitted(name, kind)
    again = clone(encoder)
    assert again.spec == encoder.spec
    assert not hasattr(again, "kind_")
    if name == "vectors":
        return  # its fit needs all items, and learns nothing
    again.fit(train.items, train.target.values)
    np.testing.assert_array_equal(
        dense(again.transform(test.items)), dense(encoder.transform(test.items))
    )
    if encoder.decoder is not None:
        assert again.decoder.dump() == encoder.decoder.dump()


@each(CASES)
def test_a_row_alone_is_its_row_in_a_batch(fitted, name, kind):
    encoder, _, test = fitted(name, kind)
    batch = dense(encoder.transform(test.items))
    for row in (0, 17, len(test) - 1):
        alone = dense(encoder.transform(take_items(test.items, np.array([row]))))[0]
        error = np.linalg.norm(alone - batch[row]) / max(np.linalg.norm(batch[row]), 1e-12)
        assert error <= 1e-4


@each(CASES)
def test_is_better_than_chance(fitted, name, kind):
    if (name, kind) == ("raw", "audio"):
        return  # what stands at a given time in a wave is chance, and shown as such
    encoder, train, test = fitted(name, kind)
    correct = knn_scores(
        encoder.transform(train.items),
        train.target.values,
        encoder.transform(test.items),
        test.target.values,
    )
    commonest = np.unique(test.target.values, return_counts=True)[1].max() / len(test)
    # Three standard errors above the commonest label: no accident.
    assert correct.mean() > commonest + 3 * np.sqrt(commonest * (1 - commonest) / len(test))


def shown(test):
    """Return a few of the items that are decoded: to sounds that takes its time."""
    return test.take(np.arange(20)) if test.kind.name == "audio" else test


def numbers_of(kind, items):
    """Return what items are compared by: of sounds no samples, whose phases nobody hears."""
    if kind.name != "audio":
        return kind.features(items).reshape(len(items), -1)
    waiting = kind.batches(items)
    frames = torch.split(waiting.flat, waiting.lengths.tolist())
    return outlines([part.T.numpy() for part in frames], 16).reshape(len(items), -1)


def arrays_of(items):
    """Return items as arrays: of sounds the samples."""
    return [getattr(item, "samples", item) for item in items]


@each(case for case in CASES if CATALOGUE[case[0]].decodes)
def test_decodes_better_than_the_mean_item(fitted, name, kind):
    encoder, train, test = fitted(name, kind)
    test = shown(test)
    assert hasattr(encoder, "inverse_transform") == (encoder.decoder is not None)
    assert encoder.decoder is not None or not test.kind.shape_of_item
    if encoder.decoder is None:
        return  # bytes of texts and codes of cells are no texts and no cells
    decoded = encoder.inverse_transform(encoder.transform(test.items))
    if test.kind.shape_of_item:
        assert decoded.shape == (len(test), *np.shape(test.items)[1:])
    items, mean = (
        numbers_of(test.kind, test.items),
        numbers_of(train.kind, train.items).mean(axis=0),
    )
    of_one_shape = test.kind.shape_of_item  # in the units of features, and not of items
    told = decoded.reshape(items.shape) if of_one_shape else numbers_of(test.kind, decoded)
    error = np.square(told - items).mean()
    assert error < 0.8 * np.square(mean - items).mean()


@each(case for case in CASES if CATALOGUE[case[0]].decodes)
def test_encoder_and_decoder_go_ways_of_their_own(fitted, name, kind):
    encoder, _, test = fitted(name, kind)
    test = shown(test)
    sender = Encoder.parse(encoder.without_decoder().dump(), "memory")
    assert sender.fingerprint == encoder.fingerprint
    vectors = encoder.transform(test.items)
    np.testing.assert_array_equal(sender.transform(test.items), vectors)
    if encoder.decoder is None:
        return
    again = Decoder.parse(encoder.decoder.dump(), "memory")
    assert (again.kind, again.dim) == (test.kind, vectors.shape[1])
    decoded, double = arrays_of(again.decode(vectors)), arrays_of(again.decode_double(vectors))
    both = [arrays_of(encoder.inverse_transform(vectors))]
    both.append(arrays_of(encoder.decoder.decode_double(vectors)))
    for one, other in zip([decoded, double], both, strict=True):
        for item, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(item, same)
    if kind == "audio":
        return  # whose phases are found from float32
    assert double[0].dtype == np.float64
    for item, precise in zip(decoded, double, strict=True):
        np.testing.assert_allclose(precise, item, rtol=1e-3, atol=1e-4)


@each(CASES)
def test_the_fingerprint_survives_saving(fitted, name, kind):
    encoder, _, _ = fitted(name, kind)
    assert Encoder.parse(encoder.dump(), "memory").fingerprint == encoder.fingerprint


def made(kind, n, side, rng):
    """Return items so large that libraries share the work among threads, and labels."""
    labels = rng.integers(0, 4, n)
    if kind == "text":
        words = rng.zipf(1.5, size=(n, 30)) % 500 + labels[:, None]
        return [" ".join(f"word{word}" for word in row) for row in words], labels
    pictures = rng.normal(size=(4, side, side)).cumsum(1).cumsum(2)[labels]
    pictures += 3 * rng.normal(size=pictures.shape)
    if kind == "series":
        # As many channels as the sample has.
        return [each[:3, : side - at % 3] for at, each in enumerate(pictures)], labels
    if kind == "audio":
        waves = np.tile(pictures.reshape(n, -1).astype(np.float32) / 100, 5)
        return [
            Sound(wave[: len(wave) - 80 * (at % 3)], 8000) for at, wave in enumerate(waves)
        ], labels
    if kind == "image":
        low, high = pictures.min(), pictures.max()
        return ((pictures - low) / (high - low) * 255).astype(np.uint8), labels
    vectors = pictures.reshape(n, -1)
    return pd.DataFrame(vectors[:, :30]).add_prefix("c") if kind == "table" else vectors, labels


def bits(name, kind, items, labels, folder):
    """Return digests of all that a newly fitted encoder computes."""
    if name in OTHERS:
        encoder = others_model(name, kind, folder)
    elif name in AROUND:
        encoder = around_another(name, kind, folder)
    else:
        encoder = make("bovw(words=40)" if name == "bovw" else name)
        if kind in ("audio", "series"):
            encoder = quick(name, kind)
        if "epochs" in encoder.get_params():
            encoder.set_params(epochs=1)
    encoder.fit(items, labels)
    vectors = dense(encoder.transform(items))
    computed = [vectors, dense(encoder.transform(take_items(items, np.array([3]))))]
    if encoder.decoder is not None:
        decoder = Decoder.parse(encoder.decoder.dump(), "memory")
        for decoded in (encoder.inverse_transform(vectors), decoder.decode_double(vectors[:9])):
            computed += arrays_of(decoded)
    return encoder.fingerprint, *(hash(array.tobytes()) for array in computed)


@pytest.mark.trains
@pytest.mark.parametrize(
    ("n", "counts"),
    [
        (80, (1, 3)),
        pytest.param(5000, (1, 2, 3), marks=[pytest.mark.full, pytest.mark.timeout(3600)]),
    ],
    ids=["few", "many"],
)
@pytest.mark.parametrize("name", sorted({name for name, _ in CASES} - {"vectors", "frozen"}))
def test_any_number_of_threads_gives_the_same_bits(name, n, counts, tmp_path):
    before, named = torch.get_num_threads(), CATALOGUE[name].kinds
    for kind in sorted(SAMPLE_OF_KIND) if named == ("any",) else named:
        items, labels = made(kind, n, 28, np.random.default_rng(0))
        seen = set()
        for threads in counts:
            torch.set_num_threads(threads)
            with threadpool_limits(threads):
                seen.add(bits(name, kind, items, labels, tmp_path))
                assert torch.get_num_threads() == threads, "it did not restore what it sets"
                assert {each["num_threads"] for each in threadpool_info()} == {threads}
            torch.set_num_threads(before)
        assert len(seen) == 1, kind


LOAD_IN_NEW_PROCESS = """
import json, sys
import numpy as np
from scipy import sparse
from nearspace import load_encoder
from nearspace.data import SAMPLES
for folder, sample in json.load(sys.stdin):
    items = SAMPLES[sample]().items[:9]
    vectors = load_encoder(folder).transform(items)
    np.save(folder + "/out.npy", vectors.toarray() if sparse.issparse(vectors) else vectors)
"""


@pytest.mark.trains
def test_saved_encoders_give_the_same_vectors_in_a_new_process(fitted, tmp_path):
    jobs = []
    for name, kind in CASES:
        folder = fitted(name, kind)[0].save(tmp_path / f"{name}-{kind}")
        assert {file.name for file in folder.iterdir()} == {"encoder.json", "weights.safetensors"}
        jobs.append((str(folder), SAMPLE_OF_KIND[kind]))
    subprocess.run(
        [sys.executable, "-c", LOAD_IN_NEW_PROCESS], input=json.dumps(jobs), text=True, check=True
    )
    for name, kind in CASES:
        items = SAMPLES[SAMPLE_OF_KIND[kind]]().items[:9]
        here = dense(fitted(name, kind)[0].transform(items))
        there = np.load(tmp_path / f"{name}-{kind}" / "out.npy")
        assert np.linalg.norm(there - here) <= 1e-5 * np.linalg.norm(here), (name, kind)


def test_listing_and_making_pca_import_no_torch():
    code = (
        "import sys, nearspace; from nearspace.encoders import CATALOGUE; "
        "assert not {'torch', 'sklearn', 'pandas'} & set(sys.modules); "
        "nearspace.make('pca'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
