"""What running operators share: cancellation, metrics, progress, threads."""
