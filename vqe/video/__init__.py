"""Reading video: packet index, frames, segments."""
