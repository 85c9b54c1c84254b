"""One measurement, in its own process: trainer, speed, memory, worker."""
