"""Markup that is safe to put into a page, built element by element with everything escaped."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import final

WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=_)")

Attribute = str | float | None


@final
@dataclass(frozen=True, slots=True)
class Fragment:
    """Finished markup. Templates take it as it is; any other text they escape."""

    text: str

    def __html__(self) -> str:
        return self.text


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escape(value)
    return f"{value:.1f}".removesuffix(".0")


def element(tag: str, *children: "Fragment | str", **attributes: Attribute) -> Fragment:
    """One element. class_ stands for class, an underscore for a hyphen; None leaves an attribute out."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = join(children).text
    if not inner and tag in ("line", "circle", "rect", "path", "image", "img"):
        return Fragment(f"<{tag}{written}/>")
    return Fragment(f"<{tag}{written}>{inner}</{tag}>")


def join(parts: "Iterable[Fragment | str]") -> Fragment:
    """Parts after one another; plain text is escaped."""
    return Fragment("".join(p.text if isinstance(p, Fragment) else escape(p) for p in parts))


def breakable(name: str) -> Fragment:
    """A name that may be broken where a new word begins inside it: DilatedReparamBlock in three."""
    return Fragment("<wbr>".join(map(escape, WORD_STARTS.split(name))))


def drawing(
    width: float,
    height: float,
    parts: Iterable[Fragment],
    description: str | None = None,
    class_: str | None = None,
) -> Fragment:
    """An SVG element; without a description it is hidden from screen readers."""
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        class_=class_,
        role="img" if description else None,
        aria_label=description,
        aria_hidden=None if description else "true",
    )


STANDALONE_STYLE = (
    "text{font:12px sans-serif;fill:#1b1f23}.tick,.unit{fill:#57606a}.grid,.frame{stroke:#e1e4e8;fill:none}"
    ".axis{stroke:#8c959f}.curve{fill:none;stroke:#0a5c9e;stroke-width:2}.half{fill:none;stroke:#a8480a}"
    "image{image-rendering:pixelated}"
)


def standalone(picture: Fragment) -> str:
    """A drawing as the text of an SVG file of its own."""
    head, rest = picture.text.split(">", 1)
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{STANDALONE_STYLE}</style>{rest}'
