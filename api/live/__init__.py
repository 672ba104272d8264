"""Projects that are open in the server: their layers in memory, in step with the store."""

from api.live.etags import accepts_gzip, etag_matches
from api.live.layer import LiveLayer
from api.live.live import Live
from api.live.projects import Projects
from api.live.tilecache import PackedTile

__all__ = ["Live", "LiveLayer", "PackedTile", "Projects", "accepts_gzip", "etag_matches"]
