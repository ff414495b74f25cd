"""PLACEHOLDER by the lead until the native colleague's core.py lands; overwrite freely."""


def is_available() -> bool:
    return False


def why_missing() -> str:
    return "not built"
