"""Networks: a body and its mirror decoder a file, and the taps into their layers."""
