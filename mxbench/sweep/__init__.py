"""Many measurements: grid, order, isolation, failures, resume."""
