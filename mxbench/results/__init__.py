"""The record of a measurement, its store, and the machine it was made on."""
