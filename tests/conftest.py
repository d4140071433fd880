"""What all tests share."""

from hypothesis import settings

# Shared machines stall for longer than any per-example deadline; a test that hangs is cut by CI.
settings.register_profile("appealbus", deadline=None, max_examples=60)
settings.load_profile("appealbus")
