"""How the bus calls plugins: defects, calls left behind, threads."""
