"""How results look: tables, progress, timelines."""
