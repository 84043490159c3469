"""Physical operators: generators of record batches."""
