"""What is scored and what is minimised.

base        what every model is: tables of weights, terms looked up, a score
dot         mf, biased-mf, svdpp: scores that are dot products
neural      a score that passes both vectors through layers
modules     the table of models
objectives  the table of objectives: the loss of a batch in torch
sampling    negatives for torch batches: items that a user has not seen
arrays      a trained model as arrays, which score pairs and whole catalogues
tables      the weights of a model as plain arrays
loading     model.pt → such arrays
warm_start  going on from a trained model on a matrix that has grown
"""
