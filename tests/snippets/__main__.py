"""Compiles and analyses what docs/clients.md shows for phones.

    python tests/snippets [swift] [kotlin] [dart]

Swift and Dart come from Debian's suites, into trees of their own: that needs root, debootstrap and 4 GB. Kotlin's compiler and Android's
classes come from Maven Central: that needs Maven and a JDK. What only Apple and Google hand out (CallKit, PushKit, Firebase) stands in the
folders beside this file: declarations of what the snippets use, after their makers' documents.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs/clients.md"
CACHE = Path(os.environ.get("SNIPPETS_CACHE", Path.home() / ".cache/carillon-snippets"))


class Missing(Exception):
    """What a toolchain needs, and how to get it."""


def swift() -> str:
    tree = debian("trixie", "swiftlang,libc6-dev,libstdc++-14-dev")
    place("swift", tree / "work/Clients.swift")
    for module in ("AVFAudio", "PushKit", "CallKit"):
        inside(tree, "swiftc", "-emit-module", "-parse-as-library", "-module-name", module, "-I", ".", f"{module}.swift")
    inside(tree, "swiftc", "-c", "-parse-as-library", "-warnings-as-errors", "-I", ".", "Clients.swift")
    return f"Swift {version(tree, 'swiftlang')}"


def kotlin() -> str:
    if not shutil.which("mvn") or not shutil.which("javac"):
        raise Missing("Maven and a JDK: apt-get install maven default-jdk-headless")
    folder = place("kotlin", CACHE / "kotlin/Clients.kt")
    run("mvn", "-q", "-B", "compile", "-f", folder)
    used = re.findall(r"<(kotlin.version|artifactId|version)>([\w.-]+)</", (folder / "pom.xml").read_text())
    return f"Kotlin {dict(used)['kotlin.version']} against android-all {used[used.index(('artifactId', 'android-all')) + 1][1]}"


def dart() -> str:
    tree = debian("sid", "dart-sdk,flutter")
    folder = place("dart", tree / "work/clients.dart")
    flutter = tree / "usr/share/dart/packages"
    packages = [*flutter.iterdir(), *folder.glob("firebase_*")]
    where = [{"name": path.name, "rootUri": f"file:///{path.relative_to(tree)}", "packageUri": "lib/"} for path in packages]
    (folder / ".dart_tool").mkdir()
    (folder / ".dart_tool/package_config.json").write_text(json.dumps({"configVersion": 2, "packages": where}))
    inside(tree, "dart", "analyze", "--fatal-infos", "clients.dart")
    return f"Dart {version(tree, 'dart-sdk')}, Flutter {version(tree, 'flutter')}"


def debian(suite: str, packages: str) -> Path:
    """A tree of that suite with these packages, made once."""
    tree = CACHE / suite
    if not (tree / "complete").exists():
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            raise Missing("root, and debootstrap: apt-get install debootstrap")
        print(f"making {tree}, once", flush=True)
        shutil.rmtree(tree, ignore_errors=True)
        run("debootstrap", "--variant=minbase", f"--include={packages}", suite, tree)
        (tree / "complete").touch()
    return tree


def place(language: str, file: Path) -> Path:
    """Put the page's snippets of a language into a file, between the declarations that they need; returns the folder."""
    shutil.rmtree(file.parent, ignore_errors=True)
    shutil.copytree(HERE / language, file.parent)
    file.write_text("\n".join(re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)))
    return file.parent


def inside(tree: Path, *command: str) -> str:
    # swiftc finds its own libraries by /proc.
    return run("unshare", "--fork", "--pid", "--mount-proc", f"--root={tree}", "--wd=/work", *command)


def version(tree: Path, package: str) -> str:
    return inside(tree, "dpkg-query", "--show", "--showformat=${Version}", package)


def run(*command: str | Path) -> str:
    """What it says. Raises CalledProcessError, when that has been printed."""
    done = subprocess.run(["nice", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout)
        done.check_returncode()
    return done.stdout


def main(languages: list[str]) -> int:
    failed = 0
    for check in (swift, kotlin, dart):
        name = check.__name__
        if languages and name not in languages:
            continue
        try:
            print(f"{name}: no problem, says {check()}", flush=True)
        except Missing as what:
            print(f"{name}: not checked. It needs {what}")
            failed += 1
        except subprocess.CalledProcessError as error:
            print(f"{name}: {error}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
