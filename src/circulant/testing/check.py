"""One row of the contract: a function, and when it runs."""

from collections.abc import Callable
from dataclasses import dataclass

from circulant.core.card import Card, Case, Law


@dataclass(frozen=True, slots=True)
class Check:
    """`function` raises AssertionError unless the operator of that card holds it in that case."""

    function: Callable[[Card, Case], None]
    law: Law | None = None  # runs only for cards that claim it
    once: bool = False  # concerns the whole card, so that its first case is enough
    slow: bool = False

    @property
    def name(self) -> str:
        """The word by which `Card.exempt` refers to this check."""
        return self.function.__name__.removeprefix("check_")

    def cases(self, card: Card) -> tuple[Case, ...]:
        """The card's cases that this check runs; none where it tests a law that is not claimed."""
        if self.law is not None and self.law not in card.laws:
            return ()
        return card.cases[:1] if self.once else card.cases
