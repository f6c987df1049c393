"""The HTML page of ``mfcli report``; the same runs give the same bytes.

folder      a folder of a run → a ``Run``
per_user    what evaluate --per-user left in it: metrics user by user
examples    users with what they have and what they are recommended
data        what the page is made of: ``Run``, plain values
paired      differences between runs, paired by user
baseline    popularity beside a run, or why it is not there
page        the whole page: runs in, HTML out
sections, results, protocol, curves, users: its sections
differences paired differences in tables, and verdicts in words
findings    what a reader should know before trusting a run, each rule with its threshold
popularity  how popular recommended items are
charts      line and bar charts as inline SVG
markup      HTML that is escaped by construction
style       the style sheet
"""
