"""An exception of other people's code in one line."""


def failure_text(error: BaseException) -> str:
    """Its kind and the first line that it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else 'no words'}"
