"""A program: a digest of what every kernel answers, with every instruction set."""

import hashlib

from tests.backends.native.fuzz.conditions import LEVELS, Conditions
from tests.backends.native.fuzz.threaded_problems import answers, operands_for_all


def digest_of_all() -> str:
    operands, digest = operands_for_all(), hashlib.sha256()
    for level in LEVELS:
        with Conditions(threads=2, level=level, misalignment=0).held():
            for result in answers(operands):
                digest.update(result)
    return digest.hexdigest()


if __name__ == "__main__":
    print(digest_of_all())
