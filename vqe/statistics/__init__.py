"""Numbers about numbers: numpy in, numbers out."""
