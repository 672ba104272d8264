"""Workbooks for people: the gap list by estate, community and subdistrict.

Names come from files of others, so every text is written as text: a name that begins with "="
never becomes a formula, nor one that looks like an address a link. What is unknown is an empty
cell or a word, never 0.
"""

from gis.sheets.gaps import write_gap_workbook

__all__ = ["write_gap_workbook"]
