"""Configuration: one TOML file plus environment, validated; every error says file, line, key and what to write.

The bus's own part is checked by `load`; plugins, connectors, intakes and deliveries then check theirs with
`Loaded.validate`. Import from the modules: `loading`, `models`, `problems`, `types`.
"""
