"""The guard around every source: budget, retry, limits, breaker, freshness and single flight."""
