"""What the database may lose of what it has confirmed, by its settings."""

from sqlalchemy import Connection

_SETTINGS = (
    "SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),"
    " (SELECT count(*) FROM pg_stat_replication)"
)


def what_may_be_lost(connection: Connection) -> list[str]:
    """Return for each setting that lets receipts be lost what that means, and the setting that avoids it."""
    if connection.dialect.name == "sqlite":
        return []
    commit, names, standbys = connection.exec_driver_sql(_SETTINGS).one()
    lost = "loses receipts of the last moments, up to a second unnoticed"
    found = []
    if commit == "off":
        found.append(
            f"journal: synchronous_commit is off, so a crash or a promotion of the database {lost}: "
            "ALTER DATABASE … SET synchronous_commit = on"
        )
    if standbys and (commit in ("off", "local") or not names):
        found.append(
            f"journal: a standby of the database is asynchronous, so its promotion {lost}: set "
            "synchronous_standby_names, such as 'ANY 1 (*)', and synchronous_commit = on"
        )
    return found
