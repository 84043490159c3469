"""What a statement means: names resolved, types known, as a tree of logical nodes."""
