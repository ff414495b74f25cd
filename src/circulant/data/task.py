"""What a network is asked for."""

from enum import Enum
from typing import final


@final
class Task(Enum):
    """What x and y of a data set are; the value is its name in a store."""

    CLASSIFICATION = "classification"  # y: one class for each example
    NEXT_CHARACTER = "next character"  # x: codes of characters, y: the same one character later
    FIELD = "field"  # x and y: channels on one grid, y a solution that belongs to x
