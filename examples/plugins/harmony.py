"""A task: a space of chords should put those near each other that have notes in common."""

from nearspace.judge.task import ItemTask


class Harmony(ItemTask):
    """How many notes of a chord its neighbours have too; asked for by name."""

    name = "harmony"
    ranks_by = "shared_notes"

    @classmethod
    def suits(cls, data):
        """Return that no data bring it by themselves."""
        return False

    @classmethod
    def prepared(cls, dataset):
        """Return the chords as they are."""
        return dataset, []

    def labels(self):
        """Return how many different notes sound in the test chords."""
        return {"notes": len(frozenset.union(*self.test.items))}
