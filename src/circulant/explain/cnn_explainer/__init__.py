"""A page that shows a trained network at work: every unit, every window, every product, in the browser.

    network = TinyVgg(in_channels=1, side=28)          # then train it
    export_cnn_explainer(network, pictures[:5], classes, Path("explainer.html"))

The page is one file and loads nothing. It holds the weights, the pictures and what torch computed from
them; what it shows it computes itself, in the browser, from the picture that is chosen, drawn or opened,
and says how far torch is from it. A unit of a convolution is taken apart into one convolution for each
input map, their sum and the bias; a pixel of it into window, kernel and products. Flattening goes channel
by channel, as in torch: position (c, i, j) of maps (C, H, W) is entry (c H + i) W + j of the vector, where
Keras has (i W + j) C + c.

After Wang, Turko, Shaikh, Park, Das, Hohman, Kahng and Chau (2020), CNN Explainer: Learning Convolutional
Neural Networks with Interactive Visualization, https://arxiv.org/abs/2004.15004, whose page loads its
network over the network and shows one architecture; here it is any chain of the layers in `chain.py`.
"""

from circulant.explain.cnn_explainer.write import cnn_explainer_page, export_cnn_explainer

__all__ = ["cnn_explainer_page", "export_cnn_explainer"]
