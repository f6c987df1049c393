"""Nights: generations of published lists, each judged beside the last good one.

places      where a folder of nights keeps what; naming: what a generation is called
generations a generation as its manifest describes it
staging     a night on its way; publishing: how it becomes current, and back
forgetting  a generation without some of its users
keeping     which generations stay, and how the others go
status      latest.json; hooks: commands that run after a night
figures     what is counted of a generation: of its data and of its lists; to JSON and back
listed      the figures of its lists
looks       how each gate looks at the figures of two generations
gates       whether the figures pass beside those of the last generation
quality     the paired gate: tonight's model beside the last one on newer rows
history     the last nights of a folder; page: the page on them
"""
