"""What is asked of several encoders, layers or ways to use labels."""
