"""Training loops: minibatch (torch), and the life around them that all engines share."""
