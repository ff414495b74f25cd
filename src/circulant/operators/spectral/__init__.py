"""Room of spectral operators: one file each, listed here."""

from circulant.core.card import Card

CARDS: tuple[Card, ...] = ()
