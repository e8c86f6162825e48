"""What the site draws from the one table of colours: its colour variables and its logo."""

from lstm_lib.notation import FAMILIES, GRID, INK, PAGE

LIGHT, DARK = "html", 'html[data-theme="dark"]'


def gates_css() -> str:
    """Return the style sheet that gives words, formulas and drawings the colour of their gate, on light and dark."""
    plain = {"ink": INK, "grid": GRID, "page": PAGE}
    words = {f"gate-{name}": family for name, family in FAMILIES.items()}
    rules = [
        *(f"  --{name}: {family.on_light};" for name, family in {**words, **plain}.items()),
        *(f"  --{name}-hue: {family.hue};" for name, family in words.items()),
    ]
    dark = [f"  --{name}: {family.on_dark};" for name, family in {**words, **plain}.items()]
    classes = [f".gate-{name} {{ color: var(--gate-{name}); }}" for name in FAMILIES]
    return "\n".join(
        ["/* Made from lstm_lib/notation.py. */", f"{LIGHT} {{", *rules, "}", f"{DARK} {{", *dark, "}", *classes, ""]
    )


def logo_svg() -> str:
    """Return the logo: the memory as one thick line, and the four gates that act on it."""
    hue = {name: family.hue for name, family in FAMILIES.items()}
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img" aria-label="A memory and its gates">
  <g fill="none" stroke-linecap="round" stroke-width="6">
    <path d="M34 22V50H18" stroke="{hue["learn"]}"/>
    <path d="M50 22V50" stroke="{hue["use"]}"/>
    <path d="M5 22H59" stroke="{hue["remember"]}" stroke-width="9"/>
  </g>
  <circle cx="17" cy="22" r="9" fill="{hue["forget"]}"/>
</svg>
"""
