"""The look of the desk: one table of tokens; CSS, charts and grids are made from it.

Colours that carry meaning come in pairs told apart by people with any of the three
colour-vision deficiencies; side and state are also always text and shape.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

ASSETS: Final = Path(__file__).resolve().parent.parent / "assets"

FONT: Final = 'Inter, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
MONO: Final = 'ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace'

DARK: Final[Mapping[str, str]] = {
    "bg": "#0F131A",
    "panel": "#141821",
    "raised": "#1B212C",
    "hover": "#222A37",
    "line": "#2B3240",
    "input-line": "#6B7688",
    "text": "#D6DDE6",
    "dim": "#9AA5B1",
    "buy": "#56B4E9",
    "sell": "#E69F00",
    "good": "#6FD6A8",
    "bad": "#FF9B85",
    "warn": "#FFD166",
    "critical": "#E03131",
    "on-critical": "#FFFFFF",
    "focus": "#F0E442",
    "sim": "#FFD166",
    "paper": "#66D9E8",
    "live": "#FF6B6B",
    "flash": "#123A33",
    "scheme": "dark",
}

LIGHT: Final[Mapping[str, str]] = {
    "bg": "#EEF1F5",
    "panel": "#FFFFFF",
    "raised": "#E6EAF0",
    "hover": "#DCE3EB",
    "line": "#C9D1DB",
    "input-line": "#6B7688",
    "text": "#161C26",
    "dim": "#4A5563",
    "buy": "#005A94",
    "sell": "#8A5200",
    "good": "#0B6B45",
    "bad": "#A62B12",
    "warn": "#745300",
    "critical": "#C92A2A",
    "on-critical": "#FFFFFF",
    "focus": "#1F3FBF",
    "sim": "#745300",
    "paper": "#0B6472",
    "live": "#B3261E",
    "flash": "#BFE9DB",
    "scheme": "light",
}

CONTRAST: Final[Mapping[str, str]] = {
    **DARK,
    "bg": "#000000",
    "panel": "#000000",
    "raised": "#14181F",
    "line": "#8B98A9",
    "input-line": "#C3CCD8",
    "text": "#FFFFFF",
    "dim": "#D5DCE5",
}

THEMES: Final[Mapping[str, Mapping[str, str]]] = {
    "dark": DARK,
    "light": LIGHT,
    "contrast": CONTRAST,
}

SIZES: Final[Mapping[str, str]] = {
    "size-1": "11px",
    "size-2": "12px",
    "size-3": "14px",
    "size-4": "20px",
    "space-1": "4px",
    "space-2": "8px",
    "space-3": "12px",
    "radius": "4px",
    "row": "26px",
    "row-comfort": "32px",
    "frame": "3px",
    "font": FONT,
    "mono": MONO,
}

SERIES: Final = ("#D6DDE6", "#56B4E9", "#E69F00", "#CC79A7", "#6FD6A8", "#F0E442", "#9AA5B1")


def _block(selector: str, values: Mapping[str, str]) -> str:
    lines = "".join(f"  --{name}: {value};\n" for name, value in values.items() if name != "scheme")
    scheme = f"  color-scheme: {values['scheme']};\n" if "scheme" in values else ""
    return f"{selector} {{\n{scheme}{lines}}}\n"


def css() -> str:
    """The text of assets/theme.css: every token as a CSS variable, one block a theme."""
    parts = [
        "/* Made by components/theme.py: run `python -m components.theme` after a change. */\n",
        (
            "@font-face {\n  font-family: Inter;\n"
            '  src: url("fonts/inter.woff2") format("woff2");\n'
            "  font-weight: 100 900;\n  font-style: normal;\n  font-display: swap;\n}\n"
        ),
        _block(":root", {**SIZES, **DARK}),
    ]
    parts += [
        _block(f':root[data-theme="{name}"]', values)
        for name, values in THEMES.items()
        if name != "dark"
    ]
    return "\n".join(parts)


def chart_template(name: str = "dark") -> dict[str, object]:
    """A plotly template as plain data: pass it as ``layout.template``."""
    colours = THEMES[name]
    axis = {
        "gridcolor": colours["line"],
        "linecolor": colours["line"],
        "zerolinecolor": colours["input-line"],
        "tickfont": {"color": colours["dim"], "size": 11},
        "title": {"font": {"color": colours["dim"], "size": 11}, "standoff": 4},
        "automargin": True,
    }
    return {
        "layout": {
            "paper_bgcolor": colours["panel"],
            "plot_bgcolor": colours["panel"],
            "font": {"family": FONT, "color": colours["text"], "size": 11},
            "colorway": list(SERIES),
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 44, "r": 12, "t": 24, "b": 28},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "hoverlabel": {
                "bgcolor": colours["raised"],
                "bordercolor": colours["input-line"],
                "font": {"color": colours["text"], "family": FONT, "size": 11},
            },
            "modebar": {
                "bgcolor": "rgba(0,0,0,0)",
                "color": colours["dim"],
                "activecolor": colours["text"],
            },
        }
    }


def grid_theme() -> dict[str, str]:
    """The AG Grid theme: ``dashGridOptions["theme"]``.

    ``withParams`` on purpose: ``withPart(colorSchemeDark)`` silently shows the light theme.
    The colours are CSS variables, so the grid follows the theme without a reload.
    """
    parameters = {
        "browserColorScheme": "inherit",
        "backgroundColor": "var(--panel)",
        "foregroundColor": "var(--text)",
        "chromeBackgroundColor": "var(--panel)",
        "headerBackgroundColor": "var(--panel)",
        "headerTextColor": "var(--dim)",
        "borderColor": "var(--line)",
        "rowHoverColor": "var(--hover)",
        "selectedRowBackgroundColor": "var(--hover)",
        "oddRowBackgroundColor": "var(--panel)",
        "accentColor": "var(--buy)",
        "valueChangeValueHighlightBackgroundColor": "var(--flash)",
        "fontFamily": "var(--font)",
        "fontSize": "12px",
        "headerFontSize": "11px",
        "headerHeight": "28px",
        "rowHeight": "26px",
        "cellHorizontalPadding": "8px",
        "spacing": "4px",
        "wrapperBorderRadius": "4px",
    }
    body = ", ".join(f'{name}: "{value}"' for name, value in parameters.items())
    return {"function": "themeQuartz.withParams({" + body + "})"}


def write() -> Path:
    """Write assets/theme.css again; a test compares the file with ``css()``."""
    path = ASSETS / "theme.css"
    path.write_text(css(), encoding="utf-8")
    return path


if __name__ == "__main__":
    write()
