"""Who may write or read a file that the bus trusts: its configuration, a plugin of one file, a secret."""

import grp
import os
import pwd
import stat
from pathlib import Path

_LINKS = 40
"""As many as Linux follows."""


def writable_by_others(path: Path) -> str | None:
    """Say who else may write the file, or put another one in its place, and what to do; None where nobody may.

    Others are all but this user and root. A group that nobody but its owner is in counts as its owner; so does, for
    root, an owner whom this system does not know: in a container that is whoever mounted the file. What lies on a
    read-only file system nobody can write. A file with a list of its own for access (ACL) has no private group.
    """
    file, *folders = reversed(_met(path))
    if problem := _writable(file, f"{file} may be written by others", sticky=False):
        return problem
    for folder in folders:
        what = f"the folder {folder} of {path.name} may be written by others"
        if problem := _writable(folder, what, sticky=True):
            return problem
    return None


def _met(path: Path) -> list[Path]:
    """Return all that is met on the way to a file: who may put another link in a link's place has the file, too."""
    here, links = Path("/"), 0
    met, todo = [here], [*reversed((Path.cwd() / path).parts)]
    while todo:
        part = todo.pop()
        here = here.parent if part == ".." else here / part
        if links < _LINKS and os.path.islink(here):  # not Path.is_symlink, which raises where we may not look
            links += 1
            todo += reversed(Path(os.readlink(here)).parts)
            here = here.parent
        elif here not in met:
            met.append(here)
    return [folder for folder in met if folder != here] + [here]


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
        return f"{what} ({mode}); chown it to this user or to root, or mount it read-only"
    if sticky and about.st_mode & stat.S_ISVTX:
        return None  # others may put files beside it, but not in its place
    by_all = bool(about.st_mode & stat.S_IWOTH)
    if by_all or (about.st_mode & stat.S_IWGRP and (_has_list(path) or not _private(about))):
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


def _has_list(path: Path) -> bool:
    """Whether there is an ACL: the bits of the group are then the most that anybody in it may do."""
    try:
        return bool(os.getxattr(path, "system.posix_acl_access"))
    except (OSError, AttributeError):  # none, or no system that has any
        return False


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
