"""One module a command: load → pure call → save → return a result. A stage never prints."""
