"""Arrays → ranked lists: the whole catalogue in blocks, and what is a candidate for whom."""
