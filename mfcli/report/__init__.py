"""The HTML page of ``mfcli report``. Only folder reads files; the same runs give the same bytes.

folder      a folder of a run → a ``Run``
data        what the page is made of: ``Run``, plain values
page        the whole page: runs in, HTML out
sections, results, curves: its sections on users and options, on metrics, on losses
findings    what a reader should know before trusting a run, each rule with its threshold
popularity  how popular recommended items are
charts      line and bar charts as inline SVG
markup      HTML that is escaped by construction
style       the style sheet
"""
