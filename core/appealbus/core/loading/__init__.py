"""From packages and configuration to plugins and their parts; without side effects, so `check` can prove them."""
