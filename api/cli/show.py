"""Commands that show: the demo, the single-file map, the web server."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from api import analyses
from api.cli.options import PATH, PROJECT, json_option
from api.cli.output import answer, progress_bar
from api.live import Projects
from api.settings import Settings
from api.store import Project
from api.store.address import shown
from api.store.office import Office
from api.store.office.address import office_address
from gis.errors import FileError, LianpianError, OptionError
from gis.model import Progress

if TYPE_CHECKING:
    from fastapi import FastAPI

DEMO_FOLDER: Final = "lianpian-demo"
DEMO_MARK: Final = ".lianpian-demo"
DEMO_PROJECT: Final = "project.gpkg"
DEMO_PLAN: Final = "示例方案"
DEMO_SITES: Final = "示例选址"
_NO_LOGIN: Final = (
    "WARNING: nobody signs in (LIANPIAN_LOGIN=off) though {} can be reached by other machines. "
    "Their requests are refused, but everybody at this machine may change everything. Set "
    "LIANPIAN_LOGIN=on for an office, or leave out --host"
)


@click.command()
@click.option(
    "--out",
    type=PATH,
    default=Path(DEMO_FOLDER),
    show_default=True,
    help="Folder to write; an older demo there is replaced.",
)
@click.option("--no-serve", is_flag=True, help="Write the files and end.")
@click.option("--port", type=int, help="Port to serve on; 8000 unless given.")
@json_option
def demo(out: Path, no_serve: bool, port: int | None, as_json: bool) -> None:
    """Make a made-up city, run everything on it, and show it."""
    settings = _settings(None, port, project=str(out / DEMO_PROJECT))
    _clear_demo(out)
    with progress_bar("demo") as progress:
        _make_demo(out, progress)
    project, page = out / DEMO_PROJECT, out / "map.html"
    result = {"project": shown(project), "map": str(page), "url": None}
    lines = [
        f"Project: {shown(project)}",
        f"Map:     {page} (open it in a browser; it needs no network)",
        f"Gaps:    {out / 'gaps.xlsx'}",
        f"Sites:   {out / 'sites.html'} and sites.xlsx (where missing services could go)",
        f"Your own data next: lianpian init my.gpkg; serve this one: lianpian serve {project}",
    ]
    if no_serve:
        answer(result, lines, as_json=as_json)
        return
    _serve(settings, as_json=as_json, result=result, lines=lines)


def _clear_demo(out: Path) -> None:
    """Remove an older demo; refuse anything else, so that nobody's folder is emptied."""
    if not out.exists():
        if not out.resolve().parent.is_dir():
            raise FileError(
                f"The folder {out.parent} does not exist; make it or give another --out"
            )
        return
    if not out.is_dir():
        raise FileError(f"{out} is a file; give the name of a folder with --out")
    if any(out.iterdir()) and not (out / DEMO_MARK).is_file():
        raise FileError(f"{out} holds other things than a demo; give another folder with --out")
    shutil.rmtree(out)


def _make_demo(out: Path, progress: Progress) -> None:
    from gis.sample import make_city

    out.mkdir()
    (out / DEMO_MARK).write_text("made by: lianpian demo\n", "utf-8")
    progress(0.0, "made-up city")
    study = make_city()
    with Project.create(out / DEMO_PROJECT, name=study.name) as project:
        progress(0.4, "project file")
        project.write_layers([(layer, None) for layer in study.layers.values()])
        progress(0.6, "districts")
        old = analyses.Districting(where="built_year <= 2000")
        analyses.districts_of(project, old, name=DEMO_PLAN, time_limit_s=5.0)
        progress(0.75, "coverage")
        measured = analyses.coverage_of(project)
        analyses.write_gap_list(measured, out / "gaps.xlsx", project=project.name)
        progress(0.8, "sites")
        _make_demo_sites(out, project)
        progress(0.9, "map")
        analyses.write_text(out / "map.html", analyses.map_of(project, date=analyses.today()))
    progress(1.0, "done")


def _make_demo_sites(out: Path, project: Project) -> None:
    """Put day care for old people, a nursery and a health station into five rooms that fit."""
    from gis.sites import Ask

    services = ("elderly_daycare", "nursery", "health_station")
    ask = Ask(count=5, time_limit_s=10.0)
    how = analyses.Walking()
    # From the gates, as the coverage of the demo's map and workbook.
    plan = analyses.sites_of(project, services, ask, how, origin="gate")
    analyses.keep_sites(project, DEMO_SITES, plan, services, how)
    analyses.write_site_plan(plan, out / "sites.xlsx", project=project.name, lang="zh")
    analyses.write_text(out / "sites.html", analyses.map_of_sites(project, plan, lang="zh"))


@click.command("map")
@click.argument("project", type=PROJECT)
@click.option("--out", type=PATH, required=True, help="The .html file to write.")
@click.option("--plan", help="Plan to show; the newest unless given.")
@click.option("--rules", "pack", help="Rule pack of data/rules; the profile's unless given.")
@click.option(
    "--lang",
    type=click.Choice(["zh", "en"]),
    default="zh",
    show_default=True,
    help="Language of the map.",
)
@json_option
def map_(
    project: str | Path, out: Path, plan: str | None, pack: str | None, lang: str, as_json: bool
) -> None:
    """Write one HTML file that opens anywhere, with the network off."""
    if out.suffix.lower() not in (".html", ".htm"):
        raise OptionError(f"--out {out} is no map file; give a name that ends in .html")
    with Project.open(project) as opened, progress_bar("map") as progress:
        page = analyses.map_of(
            opened, date=analyses.today(), plan=plan, pack=pack, lang=lang, progress=progress
        )
    analyses.write_text(out, page)
    size = out.stat().st_size
    result = {"file": str(out), "bytes": size}
    answer(result, [f"Wrote {out} ({size / 1e6:.1f} MB)"], as_json=as_json)


@click.command()
@click.argument("project", default=str(Path(DEMO_FOLDER) / DEMO_PROJECT))
@click.option("--host", help="Address to listen on; 127.0.0.1 unless given.")
@click.option("--port", type=int, help="Port to listen on; 8000 unless given, 0 for a free one.")
@json_option
def serve(project: str, host: str | None, port: int | None, as_json: bool) -> None:
    """Serve a project, a folder of them, or a postgresql:// address to browsers and QGIS.

    Where only this machine can reach it, nobody signs in; else people do: see lianpian users.
    SIGTERM and Ctrl+C let open requests end.
    """
    settings = _settings(host, port, project=project)
    if not Path(project).is_dir():
        with Project.open(project):
            pass  # a file that is no project is refused before anything listens
    _serve(settings, as_json=as_json, result={"project": project, "url": None})


def _settings(host: str | None, port: int | None, **more: str) -> Settings:
    if port is not None and not 0 <= port <= 65535:
        raise OptionError(f"--port {port} is no port; give 0 to 65535")
    given: dict[str, Any] = {"host": host, "port": port, **more}
    return Settings(**{key: value for key, value in given.items() if value is not None})


def _serve(
    settings: Settings,
    *,
    as_json: bool,
    result: dict[str, str | None],
    lines: Sequence[str] = (),
) -> None:
    """Listen first, then say where: with port 0 the address is known only then."""
    from api.app import create_app
    from api.listen import listen_on, url_of
    from api.serving.log import start_log
    from api.serving.server import run_server

    with listen_on(settings) as socket:
        url = url_of(socket)
        told = [*lines, f"{shown(settings.project)} is at {url} (Ctrl+C ends it)"]
        answer(result | {"url": url}, [*told, *_to_do_first(settings)], as_json=as_json)
        if not settings.needs_login and not settings.only_here:
            click.echo(_NO_LOGIN.format(settings.host), err=True)
        start_log(settings.log)
        app = create_app(settings)
        # The projects are there when the application has started, not before.
        run_server(app, socket, ready=partial(_load_ahead, app))


def _to_do_first(settings: Settings) -> list[str]:
    """Return what must be done before anybody finds anything here."""
    project = shown(settings.project)
    todo = []
    if settings.needs_login:
        with closing(Office.open(office_address(settings.project, settings.office))) as office:
            there = office.has_people()
        todo.append("People sign in")
        if not there and settings.oidc_issuer is None:
            todo[0] += f"; make the first one with: lianpian users add {project} NAME --admin"
    with closing(Projects(settings)) as projects:
        if not projects.names():
            todo.append(
                f"No project is in {project} yet; make one: lianpian init {project}/my.gpkg"
            )
    return todo


def _load_ahead(app: FastAPI) -> None:
    """Read the estates before the first person asks; what goes wrong is theirs to be told."""
    with suppress(LianpianError):
        app.state.projects.load_ahead()


@click.command()
@json_option
def warm(as_json: bool) -> None:
    """Compile the inner loops once, so that no later command waits for them."""
    from api.analyses.warming import warm as compile_all

    begin = time.monotonic()
    with progress_bar("warm") as progress:
        compile_all(progress)
    seconds = round(time.monotonic() - begin, 1)
    answer({"seconds": seconds}, [f"Ready after {seconds:g} s"], as_json=as_json)
