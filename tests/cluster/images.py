"""Builds images without Docker and puts them on the nodes."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cluster.build import save_program
from cluster.faults import enter
from cluster.lifecycle import alive, node_pids
from cluster.paths import CACHE, quiet, run

BASE = "localhost/python:3.11"
"""Stands in for Docker Hub's python: Debian's, with redis-server beside it, which serves the managed Redis in tests."""
PACKAGES = "python3,python3-venv,ca-certificates,redis-server"
WASTE = ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# What buildah needs where there is neither an overlay file system nor a user namespace to be had.
os.environ.update(STORAGE_DRIVER="vfs", BUILDAH_ISOLATION="chroot")


def build_image(tag: str, context: Path, *extra: str) -> Path:
    """Build a folder's Dockerfile with buildah and return a docker-archive. extra: further words to `buildah bud`.

    What was made from the same files with the same words is taken as it is.
    """
    base_image()
    archive, made_of = archive_of(tag), archive_of(tag).with_suffix(".made-of")
    fingerprint = _fingerprint(context, extra)
    if fingerprint and archive.exists() and made_of.exists() and made_of.read_text() == fingerprint:
        return archive
    made_of.unlink(missing_ok=True)
    mount = ("-v", f"{AUTHORITIES}:{AUTHORITIES}:ro") if Path(AUTHORITIES).exists() else ()
    # Not --layers: its cache was seen to take a changed checkout for the old one.
    how = ("-q", "--build-arg", f"PYTHON_IMAGE={BASE}", *mount, *extra)
    run("buildah", "bud", *how, "-t", tag, context, stdout=subprocess.DEVNULL)
    _save(tag)
    made_of.write_text(fingerprint)
    return archive


def program_image(tag: str, program: Path) -> Path:
    """A docker-archive that holds one static program."""
    archive = archive_of(tag)
    if not archive.exists() or archive.stat().st_mtime < program.stat().st_mtime:
        archive.parent.mkdir(parents=True, exist_ok=True)
        save_program(tag, program, f"/{program.name}", archive)
    return archive


def base_image() -> Path:
    """A docker-archive of BASE, which is made at its first use."""
    if quiet("buildah", "inspect", "--type", "image", BASE).returncode:
        _make_base()
        archive_of(BASE).unlink(missing_ok=True)
    return archive_of(BASE) if archive_of(BASE).exists() else _save(BASE)


def _fingerprint(context: Path, words: tuple[str, ...]) -> str:
    """Of the words, and of all files that .dockerignore lets in (it names them by `!`) and git does not ignore. Empty: git knows none."""
    ignore = context / ".dockerignore"
    named = [line[1:] for line in ignore.read_text().splitlines() if line.startswith("!")] if ignore.exists() else ["."]
    which = ("-z", "-co", "--exclude-standard", "--", "Dockerfile", ".dockerignore", *named)
    listed = quiet("git", "-C", context, "ls-files", *which).stdout
    if not listed:
        return ""
    found = hashlib.sha256("\0".join(words).encode())
    for name in sorted(filter(None, listed.split("\0"))):
        if (context / name).is_file():
            found.update(f"\0{name}\0".encode() + hashlib.sha256((context / name).read_bytes()).digest())
    return found.hexdigest()


def archive_of(tag: str) -> Path:
    return CACHE / "images" / f"{tag.replace('/', '_').replace(':', '_')}.tar"


def _save(tag: str) -> Path:
    """One of the images that buildah has, as a docker-archive."""
    archive = archive_of(tag)
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.unlink(missing_ok=True)
    run("buildah", "push", "-q", tag, f"docker-archive:{archive}:{tag}", stdout=subprocess.DEVNULL)
    return archive


def _make_base() -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    tree = Path(tempfile.mkdtemp(prefix="base-", dir=CACHE))
    try:
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", tree, stdout=subprocess.DEVNULL)
        tree.chmod(0o755)
        for waste in WASTE:
            shutil.rmtree(tree / waste, ignore_errors=True)
        (tree / "usr/bin/python").symlink_to("python3")
        container = run("buildah", "from", "scratch", capture_output=True).stdout.strip()
        run("buildah", "copy", "-q", container, tree, "/", stdout=subprocess.DEVNULL)
        run("buildah", "config", "--cmd", "python3", container)
        run("buildah", "commit", "-q", container, BASE, stdout=subprocess.DEVNULL)
        run("buildah", "rm", container, stdout=subprocess.DEVNULL)
    finally:
        shutil.rmtree(tree)


def load(*archives: Path) -> None:
    """Put docker- or OCI-archive images on every node that lives. Nothing can be pulled: the nodes reach no registry."""
    for index, pid in node_pids().items():
        for archive in archives if alive(pid) else ():
            enter(index, "ctr", "-n", "k8s.io", "images", "import", archive.resolve(), stdout=subprocess.DEVNULL)


def alias(tag: str, other: str) -> None:
    """Let every node that lives know an image under another name, too."""
    for index, pid in node_pids().items():
        if alive(pid):
            enter(index, "ctr", "-n", "k8s.io", "images", "tag", "--force", tag, other, stdout=subprocess.DEVNULL)
