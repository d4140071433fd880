"""The views: each folder is one."""
