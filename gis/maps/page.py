"""The page: a folium map without tiles, every script and style inside."""

from __future__ import annotations

import base64
import html
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import folium
from branca.element import Element, Figure, MacroElement
from folium.template import Template

from gis.coverage import Coverage
from gis.districts import DistrictPlan, Violation
from gis.errors import CheckError, OptionError
from gis.maps.payload import build_payload
from gis.model import Study
from gis.resources import static_dir
from gis.rules import RulePack
from gis.sites import SitePlan

LANGUAGES: Final = ("zh", "en")
SCRIPTS: Final = ("words.js", "map.js")
LARGEST_PLAIN: Final = 1_500_000
"""Bytes of data that stand on the page as readable JSON; more is packed to a quarter."""
SHEETS: Final = ("leaflet.css", "map.css")
EXTERNAL: Final = re.compile(
    r"""<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)\s*=\s*["']?\s*(?:https?:)?//"""
    r"""|url\(\s*["']?(?:https?:)?//|@import""",
    re.IGNORECASE,
)
"""What would make a browser ask the network for something."""


class _Verbatim(Element):
    """Text that stands on the page as it is; a plain branca element would run it as a template."""

    _template = Template("{{ this.text }}")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class _Start(MacroElement):
    """Hands the folium map to the script that draws on it."""

    _template = Template(
        "{% macro script(this, kwargs) %}lianpianMap({{ this._parent.get_name() }});{% endmacro %}"
    )


def render_map(
    study: Study,
    *,
    coverage: Coverage | None,
    plan: DistrictPlan | None,
    violations: Sequence[Violation] = (),
    sites: SitePlan | None = None,
    title: str,
    date: str,
    rules: RulePack | None = None,
    sources: Mapping[str, Sequence[str]] = MappingProxyType({}),
    lang: str = "zh",
) -> str:
    """Return one HTML page that shows a study and opens anywhere.

    Parameters
    ----------
    study
        At least one layer with geometry.
    coverage, plan
        What was measured and planned; None leaves its part of the map out.
    violations
        Constraints that the plan breaks; the map says so before all else.
    sites
        Where services would go; the map then shows their coverage before and after, in place of
        ``coverage``.
    title, date
        Shown on the map; the date is text, as the library has no clock.
    rules
        The pack that ``coverage`` rests on, None for rules of the user's own.
    sources
        Names of the files that each kind of layer came from; shown on the map.
    lang
        Language in which the page opens, "zh" or "en"; a switch on it shows the other.

    Raises
    ------
    OptionError
        Another language.
    MissingLayerError
        There is nothing to draw.
    """
    if lang not in LANGUAGES:
        raise OptionError(f"There is no language '{lang}'; give one of: {', '.join(LANGUAGES)}")
    payload = build_payload(
        study,
        coverage=coverage,
        plan=plan,
        violations=violations,
        sites=sites,
        title=title,
        date=date,
        rules=rules,
        sources=sources,
        lang=lang,
    )
    page = _page(payload, title, lang)
    found = EXTERNAL.search(page)
    if found is not None:
        raise CheckError(f"The map file would ask the network for {found.group(0)!r}")
    return page


def _page(payload: dict[str, Any], title: str, lang: str) -> str:
    west, south, east, north = payload["bounds"]
    leaflet = folium.Map(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        zoom_control=True,
        zoom_snap=0.25,
        attributionControl=False,
    )
    # The lists of folium name addresses in the internet; its map needs Leaflet only, put in below.
    leaflet.default_js = []
    leaflet.default_css = []
    leaflet.add_child(_Start())
    figure = leaflet.get_root()
    if not isinstance(figure, Figure):
        raise CheckError("folium no longer gives a map its figure")
    figure.title = html.escape(title)
    for name in SHEETS:
        figure.header.add_child(_Verbatim(f"<style>{_asset(name)}</style>"))
    figure.header.add_child(_Verbatim(f"<script>{_asset('leaflet.js')}</script>"))
    for element in _data(payload):
        figure.html.add_child(_Verbatim(element))
    figure.html.add_child(
        _Verbatim('<aside id="panel"></aside><button id="toggle" type="button">☰</button>')
    )
    for name in SCRIPTS:
        figure.html.add_child(_Verbatim(f"<script>{_asset(name)}</script>"))
    language = "zh-CN" if lang == "zh" else "en"
    return figure.render().replace("<html>", f'<html lang="{language}">', 1)


def _data(payload: dict[str, Any]) -> list[str]:
    """Return the elements that hold the data: readable where small, else with an unpacker."""
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if len(text.encode()) > LARGEST_PLAIN:
        packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
        block = f'<script type="application/octet-stream" id="lianpian-data">{packed}</script>'
        return [f"<script>{_asset('fflate.js')}</script>", block]
    # "<" ends no script and starts no comment when it is written as an escape.
    safe = text.replace("<", "\\u003c")
    return [f'<script type="application/json" id="lianpian-data">{safe}</script>']


def _asset(name: str) -> str:
    text = (static_dir() / name).read_text("utf-8")
    text = re.sub(r"//# sourceMappingURL=\S*\s*$", "", text)
    # Leaflet's pictures of markers are not used; a page without neighbours must not look for them.
    return re.sub(r"url\(images/[^)]*\)", "none", text).replace("</script", "<\\/script")
