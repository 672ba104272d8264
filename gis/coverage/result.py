"""The result of a coverage measurement, and the tables that are read off it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from gis.coverage.areas import BY, Plan, by_area
from gis.coverage.capacity import Capacity, capacity_of
from gis.coverage.gaps import area_gaps, estate_gaps
from gis.coverage.levels import levels_table
from gis.coverage.measured import Measured
from gis.errors import UnknownNameError


@dataclass(frozen=True, eq=False)
class Coverage(Measured):
    """Who walks to what, with all it rests on; its fields are those of `Measured`."""

    def gap_list(self, by: str = "estate", *, plan: Plan | None = None) -> pd.DataFrame:
        """Return one row per estate (or area) and missing item, elderly and childcare first.

        Parameters
        ----------
        by
            "estate"; "community", "subdistrict" or "district": one row per area and item that some
            of its homes lack.
        plan
            The districting plan: needed for "district", and fills ``district`` of estates.

        Returns
        -------
        table
            Sorted by category (elderly and childcare first, the order of ``categories.toml``), then
            by people, most first, then by distance, farthest first; unknown people come last, walks
            beyond what was searched first. Columns: `GAP_COLUMNS` for estates, else `AREA_COLUMNS`;
            unknown text is None, numbers NaN.

            ``required`` is 1: one facility in reach of every home. ``present`` facilities that
            count stand in the estate or area; ``in_reach`` are within the limit of some home of
            the area (of an estate: of all its homes, which is none); ``missing`` is 1 where none
            is. How badly: ``over_m`` and ``over_s`` beyond the limit, ``homes_gap`` of ``homes``,
            ``share_gap`` (of homes; of people for areas), ``people_gap`` and
            ``households_gap`` of its lacking homes, as far as known, and ``group_gap`` of the
            people in ``counted_group`` whom the rule is about. ``unit_people`` and ``band`` say
            whether a community is a measuring unit of 5,000-12,000 people.

        Raises
        ------
        UnknownNameError
            There is no such area.
        OptionError
            Districts are asked for without a plan.
        """
        if by not in BY:
            raise UnknownNameError(f"There is no area '{by}'; give one of: {', '.join(BY)}")
        return estate_gaps(self, plan) if by == "estate" else area_gaps(self, by, plan)

    def by_area(self, column: str) -> pd.DataFrame:
        """Return one row per community or subdistrict, sorted by name; estates without one last.

        Parameters
        ----------
        column
            "community" or "subdistrict".

        Returns
        -------
        table
            ``column`` (None: not filled in), for communities ``subdistrict`` too, ``estates``,
            ``people``, ``people_unknown`` (estates), ``people_unlinked`` (no street in reach, or
            all gates shut: neither covered nor a gap), ``households``, ``gaps`` (estate x item),
            ``care_gap_estates`` and ``care_gap_people`` (a gap in any elderly or childcare item),
            and per item ``<key>_covered``, ``_gap``, ``_unlinked``, ``_no_data`` (estates) and the
            same with ``_people``, which add up to the known people; for communities
            ``unit_people``, ``unit_source`` ("own": the community's own count, "estates": their
            sum) and ``band`` ("in-band", "too-small", "too-large", "unknown"). Unknown numbers are
            NaN. Two communities of one name in two subdistricts are two rows.

        Raises
        ------
        UnknownNameError
            There is no such area.
        """
        return by_area(self, column)

    def levels(self) -> pd.DataFrame:
        """Return one row per level (circle), the smallest first; they add up.

        A level holds the required items of its own and of all levels below it. ``complete``,
        ``lacking``, ``unlinked`` and ``unknown`` are estates: "lacking" with a gap in any of them,
        else "unlinked", else "unknown" where some category has no data. ``people_...`` are counted
        home by home. ``most_missing`` is the category that most people lack up to that level,
        None where none is known to be lacking.
        """
        return levels_table(self)

    def capacity(self, *, assigned: bool = True, time_limit_s: float = 10.0) -> Capacity:
        """Hold the required sizes against the sizes of facilities; see `Capacity`.

        Parameters
        ----------
        assigned
            Whether places are also given out so that each is given once.
        time_limit_s
            Seconds for each assignment.
        """
        return capacity_of(self, assigned=assigned, time_limit_s=time_limit_s)
