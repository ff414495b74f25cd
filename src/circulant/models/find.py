"""From a name to what can be put into the slot."""

from collections.abc import Mapping

from circulant.catalogue import operator_names
from circulant.core.card import Law
from circulant.core.errors import UnknownNameError
from circulant.models.baselines import BASELINES
from circulant.models.mixer import Mixer


def mixers() -> Mapping[str, Mixer]:
    """Every operator of the catalogue and every plain PyTorch layer, by name."""
    known = {mixer.name: mixer for mixer in BASELINES}
    for name, (card, operator) in operator_names().items():
        ndims = tuple(operator.ndims)
        causal = card.mixer if Law.CAUSAL in card.laws and 1 in ndims else None
        known[name] = Mixer(name, ndims, card.mixer, causal)
    return known


def find_mixer(name: str) -> Mixer:
    known = mixers()
    if name not in known:
        raise UnknownNameError("operator", name, known)
    return known[name]
