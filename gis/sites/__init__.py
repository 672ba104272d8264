"""Where missing services could go: rooms and plots, the means of getting them, and what fits."""

from gis.sites.ask import Ask
from gis.sites.candidates import Candidates, candidates_of
from gis.sites.fitting import Fit, fit
from gis.sites.means import CODES, Means, Price, load_means, means_of
from gis.sites.offers import Offer, offers_of
from gis.sites.plan import plan_sites
from gis.sites.rooms import RoomRule, room_of
from gis.sites.site_plan import SitedService, SitePlan
from gis.sites.stock import LeftOut
from gis.sites.walks import How

__all__ = [
    "CODES",
    "Ask",
    "Candidates",
    "Fit",
    "How",
    "LeftOut",
    "Means",
    "Offer",
    "Price",
    "RoomRule",
    "SitePlan",
    "SitedService",
    "candidates_of",
    "fit",
    "load_means",
    "means_of",
    "offers_of",
    "plan_sites",
    "room_of",
]
