"""The web application: opens its parts at the start, closes them at the end; routes do the rest."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from importlib import import_module
from pkgutil import iter_modules
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

import api.routes
from api.auth.described import describe_ways_in
from api.auth.door import Door
from api.errors import add_error_handlers
from api.jobs import Jobs
from api.live import Projects
from api.routes.once import Once
from api.serving.headers import SecurityHeaders
from api.serving.limits import BodyLimit
from api.serving.metrics import Metrics
from api.serving.requests import Requests
from api.settings import LOOPBACK, Settings
from api.store.office import Office
from api.store.office.address import office_address
from api.uploads import Uploads
from gis import __version__

SMALLEST_PACKED: Final = 1000
PACKING: Final = 4
"""A layer of 20,000 estates is packed in a third of the time that the highest level takes, and is
a tenth larger."""


def create_app(settings: Settings) -> FastAPI:
    """Return the application; nothing is opened before it is started."""
    app = FastAPI(
        title="连片 Lianpian",
        version=__version__,
        summary="Districts, walks and gaps of old estates that are to be renewed.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=_life,
        generate_unique_id_function=lambda route: route.name,
    )
    state = app.state
    state.settings, state.metrics, state.stopping = settings, Metrics(), threading.Event()
    add_error_handlers(app)
    for name in sorted(found.name for found in iter_modules(api.routes.__path__)):
        module = import_module(f"api.routes.{name}")
        if hasattr(module, "router"):
            app.include_router(module.router)
    describe_ways_in(app, settings)
    # The last one added is the first that a request meets.
    app.add_middleware(BodyLimit, needs_login=settings.needs_login)
    app.add_middleware(GZipMiddleware, minimum_size=SMALLEST_PACKED, compresslevel=PACKING)
    hosts = _hosts(settings)
    if hosts is not None:
        # A page elsewhere could point its own host name at this machine and read the project.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    app.add_middleware(Requests, metrics=state.metrics)
    app.add_middleware(SecurityHeaders, https=(settings.public_url or "").startswith("https:"))
    return app


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    """Open the projects, the office and the queue of jobs; close them in the other order."""
    state = app.state
    settings: Settings = state.settings
    with ExitStack() as parts:
        state.projects = parts.enter_context(closing(Projects(settings)))
        office = Office.open(office_address(settings.project, settings.office))
        state.office = parts.enter_context(closing(office))
        state.door = Door(settings, office)
        state.uploads = parts.enter_context(closing(Uploads(settings)))
        state.once = parts.enter_context(closing(Once()))
        state.jobs = Jobs(settings, office, state.projects.address)
        state.jobs.start()
        parts.callback(state.jobs.stop)
        parts.callback(state.stopping.set)
        yield


def _hosts(settings: Settings) -> list[str] | None:
    """Return the names by which the application may be called; None where any will do."""
    here = [*LOOPBACK, "[::1]", "testserver"]
    if not settings.needs_login:
        return here
    named = urlsplit(settings.public_url or "").hostname
    return None if named is None else [named, *here]
