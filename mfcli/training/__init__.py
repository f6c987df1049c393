"""Interactions → a trained model.

fit         the whole way, in memory: no path is read, nothing is printed
life        the life of a training run, whatever the engine
engines     the training loops
validation  one fixed set, measured between epochs
schedules   how the learning rate changes from epoch to epoch
units       what ratings are divided by, so that settings carry over to other scales
defaults    defaults that follow the data
guards      what is refused before a training
notices     what the user should know before a training
fold_in     users who came after training: their weights against fixed items
fold_in_torch: the same by gradients
"""
