"""The single-file map: styles and legends as data, a page by folium that needs no network.

Everything that the page shows stands once in one JSON block; the scripts of ``web/map`` draw it.
Names from files travel only inside that block, and the scripts put them on the page as text.
"""

from gis.maps.page import render_map

__all__ = ["render_map"]
