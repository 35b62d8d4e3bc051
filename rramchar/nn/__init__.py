"""Binary and ternary neural networks with the weight errors that the hardware makes.

`network` holds a network as data, `network_file` saves and loads it, `forward` runs it exactly,
`inject` draws weight errors, `evaluate` and `curve` turn them into accuracies, `train` makes a
network from a data set of `datasets`. Needs no simulator.
"""
