"""Several processes that train one network together through MXNet's parameter server, on one machine or on several.

A measurement has three kinds of processes, MXNet's roles: the ``workers`` compute gradients, the ``servers`` add them up,
update the weights and give them back, and one ``scheduler`` introduces them to each other. :mod:`.launcher` starts them
wherever :mod:`.places` says, follows them, and ends all when one ends.
"""
