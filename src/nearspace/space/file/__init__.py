"""A space as one durable file."""
