"""What all tests share."""

import sys
from pathlib import Path

from hypothesis import settings

# Makes `services` importable.
sys.path.insert(0, str(Path(__file__).parent))

from services.fixtures import _postgres, _rabbit, clock, database, postgres, rabbit, vhost  # noqa: F401

# Shared machines stall for longer than any per-example deadline; a test that hangs is cut by CI.
settings.register_profile("appealbus", deadline=None, max_examples=60)
settings.load_profile("appealbus")
