"""Reference networks, and the specialized models that stand in for them."""
