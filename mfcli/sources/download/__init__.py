"""Downloads into a cache. ``web`` is one GET over http(s), ``cache`` what is kept of it."""

from mfcli.sources.download.cache import Wanted, cache_folder, download
from mfcli.sources.download.web import PATIENCE, Patience

__all__ = ["PATIENCE", "Patience", "Wanted", "cache_folder", "download"]
