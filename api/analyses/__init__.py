"""What a project can be asked: the command line, the web and a job ask in the same way.

Nothing here opens a project or prints. A question loads what it needs when it is first named: all
of them together take seconds, which `lianpian --help` must not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from api.analyses.how import Terrain, Walking, profile_of, today
    from api.analyses.imports import (
        ImportOptions,
        import_answer,
        import_file,
        import_layers,
        report_told,
        state_none,
    )
    from api.analyses.outputs import (
        export_project,
        public_frame,
        refuse_project,
        write_gap_list,
        write_tables,
        write_text,
    )
    from api.analyses.planning import (
        Districting,
        districting_of,
        districts_of,
        map_of,
        prepare_plan,
    )
    from api.analyses.scenarios import base_of, openings_of, place_in, replay_of, what_if_of
    from api.analyses.siting import (
        keep_sites,
        map_of_sites,
        offers_in,
        require_site_files,
        sites_of,
        write_site_plan,
    )
    from api.analyses.walking import (
        coverage_of,
        explain_of,
        isochrones_of,
        rules_of,
        step_free_of,
    )

__all__ = [
    "Districting",
    "ImportOptions",
    "base_of",
    "Terrain",
    "Walking",
    "coverage_of",
    "districting_of",
    "districts_of",
    "explain_of",
    "export_project",
    "import_answer",
    "import_file",
    "import_layers",
    "isochrones_of",
    "keep_sites",
    "map_of",
    "map_of_sites",
    "offers_in",
    "openings_of",
    "place_in",
    "prepare_plan",
    "profile_of",
    "public_frame",
    "refuse_project",
    "replay_of",
    "report_told",
    "require_site_files",
    "rules_of",
    "sites_of",
    "state_none",
    "step_free_of",
    "today",
    "what_if_of",
    "write_gap_list",
    "write_site_plan",
    "write_tables",
    "write_text",
]

_IN: Final = {
    "how": ("Terrain", "Walking", "profile_of", "today"),
    "imports": (
        "ImportOptions", "import_answer", "import_file", "import_layers", "report_told",
        "state_none",
    ),
    "outputs": (
        "export_project", "public_frame", "refuse_project", "write_gap_list", "write_tables",
        "write_text",
    ),
    "planning": ("Districting", "districting_of", "districts_of", "map_of", "prepare_plan"),
    "scenarios": ("base_of", "openings_of", "place_in", "replay_of", "what_if_of"),
    "siting": (
        "keep_sites",
        "map_of_sites",
        "offers_in",
        "require_site_files",
        "sites_of",
        "write_site_plan",
    ),
    "walking": ("coverage_of", "explain_of", "isochrones_of", "rules_of", "step_free_of"),
}  # fmt: skip
"""In which module each name is."""


def __getattr__(name: str) -> Any:
    for module, names in _IN.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
