"""A kind of data: chords, which are sets of MIDI notes, a chord a ``.chord`` file."""

import dataclasses

import numpy as np

from nearspace.data import Kind
from nearspace.data.kinds.kind import ItemsRead, content_hash
from nearspace.errors import DataError


@dataclasses.dataclass(frozen=True)
class Chord(Kind):
    """Chords: a list of sets of notes, each from 0 to 127."""

    name = "chord"
    form = "a list of sets of notes"
    endings = (".chord",)

    @classmethod
    def recognise(cls, items):
        """Return why items look like chords: the first of a list is a set."""
        is_chord = isinstance(items, list) and items and isinstance(items[0], frozenset)
        return "list of sets" if is_chord else None

    @classmethod
    def infer(cls, items):
        """Return the kind of a list of sets of notes."""
        return cls()

    @classmethod
    def read(cls, paths, wanted):
        """Return the chords in files that hold the numbers of their notes."""
        chords = [frozenset(map(int, path.read_text().split())) for path in paths]
        return ItemsRead(chords, cls())

    def check(self, items, who="Chords"):
        """Return chords as a list of sets of notes."""
        for row, chord in enumerate(items if isinstance(items, list) else [items]):
            if not isinstance(chord, frozenset) or not chord <= set(range(128)):
                raise DataError(f"{who}: row {row} is {chord!r}, expected a set of notes 0 to 127.")
        return items

    def join(self, first, second):
        """Return chords followed by others."""
        return first + second

    def hashes(self, items):
        """Return the content hash of every chord."""
        return content_hash([repr(sorted(chord)) for chord in items])

    def features(self, items):
        """Return which of the 128 notes sound, as zeros and ones."""
        return np.array([[note in chord for note in range(128)] for chord in items], np.float32)

    def to_columns(self, items):
        """Return the numbers of the notes, for people to read."""
        return {"notes": [" ".join(map(str, sorted(chord))) for chord in items]}

    def draw(self, item):
        """Return the numbers of the notes."""
        return f"<code>{self.to_columns([item])['notes'][0]}</code>"
