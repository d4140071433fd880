"""Configuration: one TOML file plus environment, validated; every error says file, line, key and what to write."""
