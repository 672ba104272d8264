"""The command ``lianpian``: wires files, projects, analyses and maps; computes nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import click

from api.cli.output import one_safe_line
from api.errors import EXIT_INPUT, EXIT_STOPPED, exit_code, one_line
from gis import __version__
from gis.errors import LianpianError

COMMANDS: Final = {
    "demo": ("show:demo", "Make a made-up city, run everything on it, and show it."),
    "init": ("project:init", "Make a new project file; an existing file is never overwritten."),
    "import": (
        "project:import_",
        "Read FILE into the layer KIND: every repair and every refused row is listed.",
    ),
    "layers": ("project:layers", "List what is in the project, or take a layer out."),
    "check": (
        "project:check",
        "Look for faults in the data: coordinates that do not fit, gaps in columns, loose streets.",
    ),
    "coverage": (
        "walks:coverage",
        "Who cannot walk to what: estates, households and people by category, along the streets.",
    ),
    "explain": (
        "walks:explain",
        (
            "Why an estate has no service in reach: the walked route, what makes it long, what "
            "mends it."
        ),
    ),
    "whatif": (
        "scenarios:whatif",
        "What would change if a wall were opened, a gate added, a facility moved.",
    ),
    "sites": (
        "sites:sites",
        "Where to put what is missing: which rooms or plots, how many, and whether that is best.",
    ),
    "isochrones": (
        "walks:isochrones",
        "What facilities reach in bands: the streets and homes, and a polygon derived from them.",
    ),
    "step-free": (
        "walks:step_free",
        "Which homes have no step-free way to an elderly service; which ramps bring most people.",
    ),
    "districts": (
        "plans:districts",
        "Group estates into contiguous districts within bounds; what cannot be placed says why.",
    ),
    "plan": ("plan:plan", "Look at plans, check, mend, compare, bundle and export them."),
    "map": ("show:map_", "Write one HTML file that opens anywhere, with the network off."),
    "export": (
        "project:export",
        "Write layers to files that other programs open; your own extra columns stay at home.",
    ),
    "backup": (
        "copies:backup",
        "Write a copy of the whole project to FILE, also while others work on it.",
    ),
    "move": (
        "copies:move",
        "Copy the whole project to a postgresql:// address, or from there to a .gpkg file.",
    ),
    "audit": (
        "audit:audit",
        "Say who changed what, when, from where; with --verify whether no line was tampered with.",
    ),
    "serve": (
        "show:serve",
        "Serve a project, a folder of them, or a postgresql:// address to browsers and QGIS.",
    ),
    "users": ("people:users", "Who may sign in to what is served, and do what in which project."),
    "warm": ("show:warm", "Compile the inner loops once, so that no later command waits for them."),
}
"""Where each command is and what it does, in the order in which a planner meets them.

The words are those of the command itself, said here so that ``--help`` need not load them all.
"""


class _Lazy(click.Group):
    """Loads a command when it is asked for: all of them together take seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's name)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lianpian")
def cli() -> None:
    """Plan the renewal of old residential estates: districts, walks, gaps, maps.

    PROJECT is one .gpkg file or a postgresql:// address. Every command takes --json.
    """


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; exit 0 when done, 2 with one line for input that cannot be used."""
    try:
        code = cli.main(args=args, prog_name="lianpian", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(EXIT_INPUT)
    except click.ClickException as error:
        _complain(_usage(error))
        sys.exit(EXIT_INPUT)
    except LianpianError as error:
        _complain(one_line(error))
        sys.exit(exit_code(error))
    except (click.Abort, KeyboardInterrupt):
        _complain("Stopped; the project is as it was before the command")
        sys.exit(EXIT_STOPPED)
    except OSError as error:
        # A name too long, a disk that is full or read-only: whatever was being written is dropped.
        why = error.strerror or error
        _complain(f"{error.filename or 'A file'}: {why}; check the name, the folder and its rights")
        sys.exit(EXIT_INPUT)
    sys.exit(code if isinstance(code, int) else 0)


def _usage(error: click.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    remedy = f" See: {ctx.command_path} --help" if ctx is not None else ""
    return " ".join(error.format_message().split()) + remedy


def _complain(message: str) -> None:
    click.echo(f"lianpian: {one_safe_line(message)}", err=True)
