"""The statistics of surges: numbers in, numbers out. They know no appeal, no file and no bus."""
