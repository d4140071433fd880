"""Files that others may write are refused, with mode and remedy; secrets that others may read are told."""

import os
import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from appealbus.core.config.loading import load
from appealbus.core.config.permissions import readable_by_others, writable_by_others
from appealbus.core.config.types import Secret
from appealbus.core.errors import ConfigError
from appealbus.core.loading.host import Host

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file in a folder, ours alone."""
    made = tmp_path / "folder" / "file.py"
    made.parent.mkdir(0o755)
    made.write_text("x")
    made.chmod(0o600)
    return made


def test_what_is_ours_alone_is_trusted(file: Path) -> None:
    """Whatever others may read of it."""
    assert writable_by_others(file) is None
    file.chmod(0o644)
    assert writable_by_others(file) is None


def test_a_file_that_all_may_write_is_not(file: Path) -> None:
    """The text names it, its mode, and what to do."""
    file.chmod(0o666)
    assert (
        writable_by_others(file) == f"{file} may be written by others (mode 0666, owner {file.owner()}); chmod go-w it"
    )


def test_nor_is_one_in_a_folder_that_all_may_write(file: Path) -> None:
    """They could put another one in its place, unless the folder is sticky; a link does not hide where it lies."""
    file.parent.chmod(0o777)
    link = file.parents[1] / "link.py"
    link.symlink_to(file)
    for path in (file, link):
        assert "may be written by others (mode 0777" in (writable_by_others(path) or "")
    file.parent.chmod(0o1777)
    assert writable_by_others(link) is None


def test_nor_is_one_that_a_link_of_others_leads_to(file: Path) -> None:
    """Who may put another link in the place of one in the middle puts another file in the place of ours."""
    public = file.parents[1] / "public"
    public.mkdir()
    public.chmod(0o777)
    (public / "link.py").symlink_to(file)
    (public / "folder").symlink_to(file.parent)
    (file.parents[1] / "entry.py").symlink_to("public/link.py")
    (file.parents[1] / "entry").symlink_to(public / "folder")
    for path in (file.parents[1] / "entry.py", file.parents[1] / "entry" / file.name):
        assert f"the folder {public} of {path.name} may be written" in (writable_by_others(path) or "")
    public.chmod(0o755)
    assert writable_by_others(file.parents[1] / "entry" / ".." / "folder" / file.name) is None


def test_links_in_a_circle_end(file: Path) -> None:
    """Whoever opens it says what is wrong."""
    (file.parent / "a").symlink_to("b")
    (file.parent / "b").symlink_to("a")
    assert writable_by_others(file.parent / "a") is None


@ROOT
def test_a_list_for_access_makes_a_group_of_others(file: Path) -> None:
    """With an ACL the bits of the group are the most that anybody in it may do, whoever is in the group."""
    file.chmod(0o660)
    entries = [(1, 6, -1), (2, 6, 54321), (4, 4, -1), (0x10, 6, -1), (0x20, 0, -1)]
    value = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(file, "system.posix_acl_access", value)
    except OSError:
        pytest.skip("this file system has no ACLs")
    assert "chmod g-w it" in (writable_by_others(file) or "")


@ROOT
def test_an_owner_or_a_group_of_others(file: Path) -> None:
    """A group that only its owner is in is none; to root in a container, nor is whoever mounted the file."""
    file.chmod(0o660)
    assert writable_by_others(file) is None  # root's own group
    os.chown(file, 0, 54321)
    assert "chmod g-w it" in (writable_by_others(file) or "")
    os.chown(file, 54321, 54321)
    file.chmod(0o600)
    assert writable_by_others(file) is None
    os.chown(file, 1, 1)
    assert "chown it to this user or to root" in (writable_by_others(file) or "")


def test_configuration_plugin_and_secret_are_refused(file: Path) -> None:
    """Each in the way in which it is refused for other reasons."""
    file.chmod(0o602)
    with pytest.raises(ConfigError, match="may be written by others"):
        load(file)
    with pytest.raises(ConfigError, match=r"a secret: .*may be written by others"):
        Secret(file=file).get()
    host = Host(lambda name, model: model())
    host.load([str(file)], ())
    (plugin,) = [plugin for plugin in host.plugins if plugin.name == "file"]
    assert plugin.state == "broken"
    assert "may be written by others (mode 0602" in plugin.reason


def test_a_secret_that_others_may_read() -> None:
    """As far as the folders above let them come to it."""
    # pytest's own folder is closed to others.
    with TemporaryDirectory(dir="/tmp") as folder:
        file = Path(folder) / "secret"
        file.write_text("x")
        file.chmod(0o604)
        assert readable_by_others(file) is None
        file.parent.chmod(0o755)
        assert readable_by_others(file) == f"{file} may be read by others (mode 0604); chmod o-r it"
        file.chmod(0o600)
        assert readable_by_others(file) is None
