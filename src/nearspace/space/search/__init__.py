"""What is asked of a space, and what comes back."""
