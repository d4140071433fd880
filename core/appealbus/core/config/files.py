"""A plugin's own files of settings: reading them, and saying where they are wrong."""

from appealbus.core.config.loading import SettingsFile, load_written
from appealbus.core.config.permissions import writable_by_others
from appealbus.core.config.problems import ConfigPlace, InvalidConfig, Problem, dotted, models_at

__all__ = ["ConfigPlace", "InvalidConfig", "Problem", "SettingsFile"]
__all__ += ["dotted", "load_written", "models_at", "writable_by_others"]
