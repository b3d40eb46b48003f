#!/usr/bin/env python3
"""Breaks the program on purpose, in one place at a time, and asks the tests to notice.

Every tests/mutations/*.patch says in its first lines what it breaks and which test command is expected to catch it.
Each is applied by itself to a copy of the project in target/mutations, built, and tried; the copy keeps its own build
there. A mutant is caught when that command fails. A patch that does not apply, a mutant that does not compile and a
command that fails without any mutant are failures of the list, not of the tests.

    tools/mutations.py [NAME ...] [--list]      all, or those whose names contain one of these
"""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATCHES = ROOT / "tests" / "mutations"
WORK = ROOT / "target" / "mutations"
TREE = WORK / "tree"
# A mutant that hangs its tests is caught too.
LONGEST_S = 900


def environment():
    """Builds go to a folder of their own: a mutant's must never pass for the program's."""
    env = dict(os.environ, CARGO_TARGET_DIR=str(WORK / "build"), GIT_CEILING_DIRECTORIES=str(WORK))
    env.pop("GIT_DIR", None)
    tool = ROOT / ".tools" / "nats-server"
    if "NATS_SERVER" not in env and tool.is_file():
        env["NATS_SERVER"] = str(tool)
    return env


def head(patch):
    """What a patch breaks and what is expected to catch it."""
    said = {}
    for line in patch.read_text().splitlines():
        if line.startswith("--- "):
            break
        name, _, value = line.partition(": ")
        said[name] = value.strip()
    if not said.get("Breaks") or not said.get("Caught-by", "").startswith("cargo test "):
        sys.exit(f"{patch.name}: its first lines have to be `Breaks: …` and `Caught-by: cargo test …`")
    return said["Breaks"], said["Caught-by"]


def copy_tree():
    """Brings the copy up to the project as it stands; files that are the same keep their times."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    wanted = {name for name in names if name and (ROOT / name).is_file()}
    for name in wanted:
        source, target = ROOT / name, TREE / name
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for path in list(TREE.rglob("*")):
        if path.is_file() and str(path.relative_to(TREE)) not in wanted:
            path.unlink()


def run(command, env):
    """Runs in the copy; the status (None: it did not end in time) and the last lines."""
    try:
        done = subprocess.run(
            command, cwd=TREE, env=env, timeout=LONGEST_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, "\n".join(done.stdout.decode(errors="replace").splitlines()[-30:])


def cargo(command, *more):
    """A test command, locked and quiet, with more options before what goes to the tests."""
    words = shlex.split(command)
    return words[:2] + ["--locked", "-q", *more] + words[2:]


def apply(patch, env, *how):
    return run(["git", "apply", *how, str(patch)], env)


def try_mutant(patch, command, env):
    """What became of a mutant: `caught`, `MISSED`, or why it is none."""
    status, said = apply(patch, env)
    if status != 0:
        return "DOES NOT APPLY", said
    try:
        status, said = run(cargo(command, "--no-run"), env)
        if status != 0:
            return "DOES NOT COMPILE", said
        status, said = run(cargo(command), env)
        return ("MISSED", said) if status == 0 else ("caught", said)
    finally:
        apply(patch, env, "--reverse")


def main(arguments):
    names = [argument for argument in arguments if not argument.startswith("--")]
    patches = [p for p in sorted(PATCHES.glob("*.patch")) if not names or any(n in p.stem for n in names)]
    heads = {patch: head(patch) for patch in patches}
    if "--list" in arguments:
        for patch, (breaks, command) in heads.items():
            print(f"{patch.stem}: {breaks}\n    {command}")
        return 0
    env = environment()
    copy_tree()
    sound, results = {}, []
    for patch, (breaks, command) in heads.items():
        begun = time.monotonic()
        if command not in sound:
            status, said = run(cargo(command), env)
            # A filter that matches no test would miss every mutant, and is seen as that.
            sound[command] = (status == 0, said)
        what, said = try_mutant(patch, command, env) if sound[command][0] else ("FAILS WITHOUT IT", sound[command][1])
        results.append(what)
        print(f"{what:>8}  {patch.stem}: {breaks}  ({time.monotonic() - begun:.0f} s)", flush=True)
        if what != "caught":
            print("\n".join("          " + line for line in said.splitlines()), flush=True)
    caught = results.count("caught")
    print(f"{caught} of {len(results)} mutants caught")
    return 0 if caught == len(results) and results else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
