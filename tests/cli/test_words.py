"""``nearspace words``: from texts and from files, and what then is asked of the space."""

import pytest

TEXTS = ["the cat sat on the mat", "the dog sat", "a dog ran", "a cat ran"] * 20


@pytest.fixture
def texts(command):
    (command.folder / "texts.txt").write_text("\n".join(TEXTS))
    return "texts.txt"


def test_words_are_learned_searched_and_asked_for_analogies(command, texts):
    done = command(
        "words", texts, "--with", "skipgram:dim=8:epochs=2", "-o", "w.space", "--most", 5
    )
    assert done.returncode == 0, done.stderr
    assert "w.space: 5 words of 8 dimensions." in done.stdout
    assert "The vocabulary has the 5 commonest of 8 words" in " ".join(done.stderr.split())
    assert "dog" in command("search", "w.space", "--id", "cat").stdout
    done = command("analogy", "w.space", "cat", "dog", "the", "-k", 2)
    assert done.returncode == 0
    assert not {"cat", "dog", "the"} & {line.split()[2] for line in done.stdout.splitlines()[1:3]}
    done = command("analogy", "w.space", "cta", "dog", "the")
    assert done.returncode == 2
    assert "Did you mean 'cat'?" in done.stderr


def test_words_of_a_file_need_no_encoder(command):
    (command.folder / "glove.txt").write_text("the 1 0\ncat 0 1\ndog 1 1\n")
    done = command("words", "glove.txt", "--most", 2, "-o", "w.space")
    assert "w.space: 2 words of 2 dimensions." in done.stdout
    assert "the first 2 were read" in done.stderr
    (command.folder / "glove.txt").write_text("the 1 0\ncat 0 1 5\n")
    done = command("words", "glove.txt", "-o", "v.space")
    assert done.returncode == 2
    assert "line 2 has a vector of 3 numbers" in done.stderr


def test_bad_input_is_said_in_a_sentence(command, texts):
    for words, told in (
        (["nowhere.txt"], "Expected a file of word vectors, got nowhere.txt"),
        ([texts, "--with", "tfidf"], "has no vectors of words"),
        ([texts, "--column", "text"], "--column, --without and --limit are of texts"),
        ([texts, "--with", "skipgran"], "Did you mean 'skipgram'?"),
    ):
        done = command("words", *words, "-o", "w.space")
        assert done.returncode == 2
        assert told in done.stderr
