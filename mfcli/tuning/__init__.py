"""The search for settings: which trials, and running them."""
