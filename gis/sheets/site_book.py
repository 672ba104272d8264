"""The workbook of sites: its words, formats and the names of what stands in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gis.sheets.book import ZH, Book
from gis.sheets.site_words import WORDS
from gis.sites import load_means


class SiteBook(Book):
    """A workbook that has the words of sites too."""

    def __init__(self, path: Path, lang: str) -> None:
        super().__init__(path, lang)
        look = {"font_name": ("微软雅黑", "Calibri")[self.side], "font_size": 10}
        guess = ('#,##0.0"（估）"', '#,##0.0" est."')[self.side]
        cell = look | {"valign": "vcenter", "border": 1, "border_color": "#BFC8D2"}
        self.formats["guess"] = self.book.add_format(cell | {"num_format": guess})

    def word(self, key: str) -> str:
        """Return a heading or other fixed word."""
        return WORDS[key][self.side] if key in WORDS else super().word(key)

    def heading(self, key: str) -> str:
        """Return a heading with its unit on a line of its own."""
        return self.word(key).replace("（", "\n（").replace(" (", "\n(")

    def name_of(self, service: Mapping[str, Any]) -> str:
        """Return what a service is called."""
        return str(service["zh" if self.side == ZH else "en"])

    def aside(self, key: str) -> str:
        """Return a fixed word in brackets."""
        return (f"（{self.word(key)}）", f" ({self.word(key)})")[self.side]

    def means(self, code: str | None) -> str | None:
        """Return what a means is called."""
        means = load_means()
        if code is None or code not in means:
            return code
        return self.of(means[code])

    def limit_of(self, service: Mapping[str, Any]) -> str:
        """Say the limit of a service with its unit."""
        if service["limit_m"] is not None:
            return (f"{service['limit_m']:g} 米", f"{service['limit_m']:g} m")[self.side]
        minutes = service["limit_s"] / 60
        return (f"{minutes:g} 分钟", f"{minutes:g} min")[self.side]
