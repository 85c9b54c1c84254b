"""Networks of a user's own, as ``mxbench run --network small_networks.py:tiny`` takes them."""

import mxnet as mx


def tiny(num_classes=1000, image_shape="3,224,224", **kwargs):
    """One strided convolution, BatchNorm and a classifier: trains in milliseconds."""
    net = mx.sym.Variable("data")
    net = mx.sym.Convolution(net, num_filter=8, kernel=(7, 7), stride=(8, 8), name="conv")
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="bn")
    net = mx.sym.Activation(net, act_type="relu", name="relu")
    net = mx.sym.Pooling(net, kernel=(1, 1), global_pool=True, pool_type="avg", name="pool")
    net = mx.sym.FullyConnected(mx.sym.Flatten(net, name="flatten"), num_hidden=num_classes, name="fc1")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def huge(num_classes=1000, image_shape="3,224,224", **kwargs):
    """Asks for 37 GB of weights."""
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=62500, name="fc0")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=num_classes, name="fc1"), name="softmax")


def not_a_symbol(num_classes=1000):
    """Returns the wrong kind of thing."""
    return "a string"
