"""Who may write or read a file that the bus trusts: its configuration, a plugin of one file, a secret."""

import grp
import os
import pwd
import stat
from pathlib import Path


def writable_by_others(path: Path) -> str | None:
    """Say who else may write the file, or put another one in its place, and what to do; None where nobody may.

    Others are all but this user and root. A group that nobody but its owner is in counts as its owner; so does, for
    root, an owner whom this system does not know: in a container that is whoever mounted the file. What lies on a
    read-only file system nobody can write.
    """
    here = Path(os.path.abspath(path))
    real = Path(os.path.realpath(path))
    for file in dict.fromkeys((here, real)):
        if problem := _writable(file, f"{file} may be written by others", sticky=False):
            return problem
        for folder in file.parents:
            if problem := _writable(
                folder, f"the folder {folder} of {file.name} may be written by others", sticky=True
            ):
                return problem
    return None


def readable_by_others(path: Path) -> str | None:
    """Say who else may read the file, and what to do; None where nobody may, or it is not there.

    A group that this process is in was made to give it access; who else is in there is its administrator's choice.
    """
    try:
        about = path.stat()
        open_to_all = all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)
    except OSError:
        return None
    ours = {0, os.getegid(), *os.getgroups()}
    by_all = about.st_mode & stat.S_IROTH and open_to_all
    by_group = about.st_mode & stat.S_IRGRP and about.st_gid not in ours and not _private(about)
    if not by_all and not by_group:
        return None
    return f"{path} may be read by others (mode {stat.S_IMODE(about.st_mode):04o}); chmod {'o' if by_all else 'g'}-r it"


def _writable(path: Path, what: str, *, sticky: bool) -> str | None:
    try:
        about = path.stat()
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            return None
    except OSError:
        return None  # whoever opens it says why
    mode = f"mode {stat.S_IMODE(about.st_mode):04o}, owner {_name(about.st_uid)}"
    if not _trusted(about.st_uid):
        return f"{what} ({mode}); chown it to this user or to root"
    if sticky and about.st_mode & stat.S_ISVTX:
        return None  # others may put files beside it, but not in its place
    by_all = bool(about.st_mode & stat.S_IWOTH)
    if by_all or (about.st_mode & stat.S_IWGRP and not _private(about)):
        return f"{what} ({mode}); chmod {'go' if by_all else 'g'}-w it"
    return None


def _trusted(owner: int) -> bool:
    return owner in (0, os.geteuid()) or (os.geteuid() == 0 and _name(owner) == str(owner))


def _private(about: os.stat_result) -> bool:
    """Whether nobody but the owner is in the file's group: the usual group of a user's own, under the user's name."""
    try:
        group, owner = grp.getgrgid(about.st_gid), pwd.getpwuid(about.st_uid)
    except KeyError:
        return False
    return group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
