"""Interactions → a trained model.

fit         the whole way, in memory: no path is read, nothing is printed
life        the life of a training run, whatever the engine
engines     the training loops
validation  one fixed set, measured between epochs
schedules   how the learning rate changes from epoch to epoch
units       what ratings are divided by, so that settings carry over to other scales
facts       the few facts of a matrix that defaults are functions of
neighbours  how well users with the same items tell a row: one of these facts
rules       what such a function is; they are rules_for_ratings, rules_for_ranking, rules_for_ease
defaults    options that were not given, filled in by the rules
continuing  options that were not given, taken over from the model that training goes on from
guards      what is refused before a training
notices     what the user should know before a training
fold_in     users who came after training: their weights against fixed items
fold_in_torch: the same by gradients
"""
