"""The content security policy of a page: nothing from outside, and only its own style and script."""

from base64 import b64encode
from hashlib import sha256


def source_hash(text: str) -> str:
    """What allows exactly this inline style or script."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}'"


def content_policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; img-src data:; style-src {source_hash(style)}; "
        f"script-src {source_hash(script)}; base-uri 'none'; form-action 'none'"
    )
