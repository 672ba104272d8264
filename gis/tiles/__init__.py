"""Vector tiles (Mapbox Vector Tile 2.1) of a layer that is kept in memory and edited.

`TileLayer.from_shapes` keeps the coordinates of all shapes flat; `TileLayer.tile` finds, snaps,
cuts and packs what one tile shows; `TileLayer.changed` is a cheap copy with some rows changed.
"""

from gis.tiles.layer import MOST_FEATURES, Tile, TileLayer
from gis.tiles.places import MOST_ZOOM, WORLD_M, tile_bounds, tiles_over

__all__ = [
    "MOST_FEATURES",
    "MOST_ZOOM",
    "WORLD_M",
    "Tile",
    "TileLayer",
    "tile_bounds",
    "tiles_over",
]
