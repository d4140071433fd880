"""Statistics of surges: pure functions, without appeals, files or the bus."""
