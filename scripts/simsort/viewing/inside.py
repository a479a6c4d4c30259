"""JSON inside a page. Standard library only."""


def inside_html(text: str) -> str:
    """Make JSON safe inside a script element, whatever its strings hold."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
