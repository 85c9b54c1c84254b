"""Tables, README, plots, page, comparison: pure functions of results files."""
