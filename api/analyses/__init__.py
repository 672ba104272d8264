"""What a project can be asked: the command line, the web and a job ask in the same way.

Nothing here opens a project or prints.
"""

from api.analyses.imports import ImportOptions, import_file, state_none
from api.analyses.outputs import (
    export_project,
    public_frame,
    refuse_project,
    today,
    write_gap_list,
    write_tables,
    write_text,
)
from api.analyses.planning import districts_of, map_of
from api.analyses.scenarios import base_of, openings_of, place_in, what_if_of
from api.analyses.walking import (
    Terrain,
    Walking,
    coverage_of,
    explain_of,
    isochrones_of,
    profile_of,
    rules_of,
    step_free_of,
)

__all__ = [
    "ImportOptions",
    "base_of",
    "Terrain",
    "Walking",
    "coverage_of",
    "districts_of",
    "explain_of",
    "export_project",
    "import_file",
    "isochrones_of",
    "map_of",
    "openings_of",
    "place_in",
    "profile_of",
    "public_frame",
    "refuse_project",
    "rules_of",
    "state_none",
    "step_free_of",
    "today",
    "what_if_of",
    "write_gap_list",
    "write_tables",
    "write_text",
]
