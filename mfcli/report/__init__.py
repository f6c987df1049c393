"""The HTML page of ``mfcli report``: plain data in, text out; no file, no clock, no network."""
