"""What is scored and what is minimised.

tables        the weights of a model as plain arrays, and the table of models
starts        their starting values
arrays        a trained model as arrays, which score pairs and whole catalogues
item_weights  the same of ease: sums over what a user has
loading       model.pt → such arrays
warm_start    going on from a trained model on a matrix that has grown
relaid        a trained model over another catalogue
values        what objectives take of interactions: ratings, or weights
losses        the losses that validation measures; unseen: the negatives of its samples

Of torch, for gradients:

base        what every torch model is: terms looked up in tables, a score
dot         mf, biased-mf: scores that are dot products
neural      a score that passes both vectors through layers
modules     the table of torch models
objectives  the table of objectives: the loss of a batch
cosines     objectives of cosines, whose negatives a batch shares
sampling    negatives for batches: items that a user has not seen; hard_negatives: those of them
            that score high
"""
