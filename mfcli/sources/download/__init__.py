"""Downloads into a cache.

web    one GET over http(s)
cache  what is kept of it: resumed, checked, never left half-written
"""

from mfcli.sources.download.cache import Wanted, cache_folder, download
from mfcli.sources.download.web import PATIENCE, Patience

__all__ = ["PATIENCE", "Patience", "Wanted", "cache_folder", "download"]
