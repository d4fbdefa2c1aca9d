"""The space: vectors with their ids, laid out as a map, walked through, decoded."""
