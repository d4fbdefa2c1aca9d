"""Maps of a space, and what stands together on them."""
