"""From templates to one HTML file: tokens, style and script inlined, autoescape on, strict content policy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circulant.core.errors import MissingExtraError
from circulant.report.fragment import Fragment, breakable
from circulant.report.policy import content_policy

TEMPLATES = Path(__file__).parent / "templates"


def render(
    folder: Path, template: str, content: Mapping[str, Any], *, style: str = "", script: str = ""
) -> str:
    """The page that a template in folder makes of the content; it extends `shell.html` of this package.

    style and script: what the page has beside those of every page.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError(
            "expected jinja2 for writing a report, but it is not installed; "
            "run pip install 'circulant[compare]'"
        ) from error
    environment = Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    style = (TEMPLATES / "style.css").read_text("utf-8") + style
    script = (TEMPLATES / "script.js").read_text("utf-8") + script
    frame = {"style": Fragment(style), "script": Fragment(script), "policy": content_policy(style, script)}
    return environment.get_template(template).render(**frame, **content)
