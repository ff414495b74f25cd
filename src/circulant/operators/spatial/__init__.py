"""Room of spatial operators: one file each, listed here."""

from circulant.core.card import Card

CARDS: tuple[Card, ...] = ()
