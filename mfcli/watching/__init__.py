"""What a machine watches a run by.

event_log   events as lines of a file, as text or JSON
prometheus  figures of a run for a monitor, in Prometheus' text format
"""
