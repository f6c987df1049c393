"""Nights: generations of published lists, each judged beside the last good one.

figures     what is counted of a generation: of its data and of its lists; to JSON and back
looks       how each gate looks at the figures of two generations
gates       whether the figures pass beside those of the last generation
"""
