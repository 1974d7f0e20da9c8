"""The composition root: settings, store, strategy and engine, put together once."""

from heedful.app.application import App, open_app
from heedful.app.keys import ROLES, Identity, KeyRing, Role
from heedful.app.settings import Settings, read_settings
from heedful.app.workspace import init_workspace, read_strategy_files

__all__ = [
    "ROLES",
    "App",
    "Identity",
    "KeyRing",
    "Role",
    "Settings",
    "init_workspace",
    "open_app",
    "read_settings",
    "read_strategy_files",
]
