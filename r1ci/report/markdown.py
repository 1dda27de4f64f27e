"""Notes of a declared report: Markdown to HTML that can run and load nothing."""

from __future__ import annotations

import functools

from markdown_it import MarkdownIt
from markupsafe import Markup

_UNDER = 2
"""Levels that a note's headings stand below those of the page."""


@functools.cache
def _parser() -> MarkdownIt:
    """CommonMark and tables. HTML is shown as text, images are left out, and links to scripts stay text."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def markdown(text: str) -> Markup:
    """A note as HTML."""
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + _UNDER)}"
    return Markup(parser.renderer.render(tokens, parser.options, {}))
