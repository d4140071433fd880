"""Actions of people on cases and sources, and forecasts; shared by all entry points."""
