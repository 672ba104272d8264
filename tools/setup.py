"""Bring a checkout to life: ``.venv`` with the locked packages and this one, editable.

Run by ``make setup``; ``--test`` is ``make setup-test``. Only the standard library is used. What
was done is stamped inside ``.venv`` with a hash of all that decided it, so a second call has
nothing to do. An older Python may be what starts this file: it must parse there to say so.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")

LOCK = ("requirements.lock",)
PACKAGE = (
    "pyproject.toml",
    "hatch_build.py",
    "web/package.json",
    "web/package-lock.json",
    "web/.npmrc",
)
SYSTEM = {
    "browser": "chromium",
    "font": "fonts-noto-cjk fontconfig",
    "ogrinfo": "gdal-bin",
    "server": "postgresql-postgis",  # of the version that the release has
}


def main():
    """Do what is asked on the command line."""
    if sys.version_info < OLDEST:
        use_newer_python()
    if "--test" in sys.argv[1:]:
        install_system_packages()
    else:
        with one_at_a_time():
            install_python_packages()


@contextlib.contextmanager
def one_at_a_time():
    """Let a second make in the same checkout wait for the first, where the system can."""
    if fcntl is None:
        yield
        return
    with (ROOT / "tools").joinpath("setup.py").open() as itself:
        fcntl.flock(itself, fcntl.LOCK_EX)
        yield


def use_newer_python():
    """Start again with a newer Python on the path, or end with one line."""
    for name in NEWER:
        found = shutil.which(name)
        if found:
            os.execv(found, [found, *sys.argv])
    sys.exit(
        "Lianpian needs Python 3.11 or newer, this is %d.%d: install one, "
        "or name it as in: make setup PYTHON=/path/to/python3.12" % sys.version_info[:2]
    )


def install_python_packages():
    """Make .venv and install the lock and the package, each only if something changed."""
    python = "%s %s" % (sys.version, VENV)  # a moved checkout has a dead .venv
    if not stamped("python", python):
        say("making .venv with Python " + sys.version.split()[0])
        make_venv()
        stamp("python", python)
    locked = digest(LOCK)
    if not stamped("lock", locked):
        say("installing the packages of requirements.lock")
        pip("--require-hashes", "-r", "requirements.lock")
        stamp("lock", locked)
    package = digest((*PACKAGE, *own_scripts())) + os.environ.get("LIANPIAN_SKIP_WEB", "")
    if not (stamped("package", package) and built()):
        say("building the assets and installing lianpian")
        pip("--no-deps", "--editable", ".")
        stamp("package", package)
        say("compiling the inner loops, one to three minutes, once")
        run(str(BIN / "lianpian"), "warm")
        say("ready: .venv/bin/lianpian")


def make_venv():
    """Make an empty .venv; where Debian has split off what that needs, fetch it or say so."""
    shutil.rmtree(str(VENV), ignore_errors=True)
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        wanted = "python%d.%d-venv" % sys.version_info[:2]
        if not apt_install([wanted]):
            sys.exit("this Python cannot make virtual environments: install %s" % wanted)
    run(sys.executable, "-m", "venv", str(VENV))


def built():
    """Tell whether the command and the assets are still where the last run left them."""
    command = BIN / ("lianpian.exe" if os.name == "nt" else "lianpian")
    skipped = os.environ.get("LIANPIAN_SKIP_WEB", "") not in ("", "0")
    return command.exists() and (skipped or (ROOT / "gis" / "static" / ".stamp").exists())


def install_system_packages():
    """Install what the browser and GIS tests use, where that is possible without asking."""
    missing = [need for need, found in (
        ("browser", bool(shutil.which("chromium"))),
        ("font", has_chinese_font()),
        ("ogrinfo", bool(shutil.which("ogrinfo"))),
        ("server", has_postgis()),
    ) if not found]  # fmt: skip
    if not missing:
        return
    packages = " ".join(SYSTEM[need] for need in missing).split()
    say("installing " + " ".join(packages))
    if not apt_install(packages):
        say("not installed (needs root and apt-get): %s; tests go without" % " ".join(packages))


def has_chinese_font():
    """Tell whether a font with Chinese glyphs is installed."""
    if not shutil.which("fc-list"):
        return False
    listed = subprocess.run(
        ["fc-list", ":lang=zh-cn", "family"], stdout=subprocess.PIPE, check=False
    )
    return bool(listed.stdout.strip())


def has_postgis():
    """Tell whether PostgreSQL with PostGIS is installed; tests start a server of their own."""
    return any(Path("/usr/lib/postgresql").glob("*/lib/postgis-3.so"))


def apt_install(packages):
    """Install Debian packages and tell whether that went well; without root it does nothing."""
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")):
        return False
    quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *command],
            env=quiet,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode != 0:
            say(done.stdout.decode(errors="replace")[-2000:])
            return False
    return True


def pip(*arguments):
    """Run pip of .venv; it shows errors only."""
    python = str(BIN / "python")
    run(python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments)


def run(*command):
    """Run a command in the checkout; if it fails, end with its exit code."""
    done = subprocess.run(command, cwd=str(ROOT), check=False)
    if done.returncode != 0:
        sys.exit("failed: " + " ".join(command))


def digest(names):
    """Return the hash of some files of the checkout."""
    total = hashlib.sha256()
    for name in names:
        total.update(name.encode() + b"\0" + (ROOT / name).read_bytes() + b"\0")
    return total.hexdigest()


def own_scripts():
    """Return the names of our own scripts of the map, which the build copies."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "web" / "map").glob("*.*"))


def stamped(name, wanted):
    """Tell whether a stamp says that this very thing was done."""
    path = VENV / ("lianpian." + name)
    return path.is_file() and path.read_text() == wanted


def stamp(name, done):
    """Note what was done."""
    (VENV / ("lianpian." + name)).write_text(done)


def say(line):
    """Tell who runs make what is going on."""
    print("setup: " + line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
