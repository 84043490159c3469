"""Running a plan: the pull loop, EXPLAIN, the profile."""
