"""The command ``lianpian``: wires files, projects, analyses and maps; computes nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from api.cli import plans, project, scenarios, show, walks
from api.cli.output import one_safe_line
from api.errors import EXIT_INPUT, EXIT_STOPPED, exit_code, one_line
from gis import __version__
from gis.errors import LianpianError


class _InOrder(click.Group):
    """Lists commands in the order in which a planner meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's name)
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lianpian")
def cli() -> None:
    """Plan the renewal of old residential estates: districts, walks, gaps, maps.

    PROJECT is one .gpkg file. Every command takes --json.
    """


for _command in (
    show.demo,
    project.init,
    project.import_,
    project.layers,
    project.check,
    walks.coverage,
    walks.explain,
    scenarios.whatif,
    walks.isochrones,
    walks.step_free,
    plans.districts,
    show.map_,
    project.export,
    show.serve,
    show.warm,
):
    cli.add_command(_command)


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
    except BrokenPipeError:
        # The reader (head, less) has gone: nothing more to say, and no trace on its screen.
        sys.stderr.close()
        sys.exit(0)
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
