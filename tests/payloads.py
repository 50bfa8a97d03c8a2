"""Texts that have an effect if they are not escaped, and how the console must show them.

They try to set a global `wasRun`, to open a dialog, or to load from a host or path `canary`.
"""

_URL = "http://canary.invalid/canary"

SHOWN_AS_THEY_ARE = {
    "script": "<script>window.wasRun = true</script>",
    "script from afar": f"<script src='{_URL}.js'></script>",
    "img onerror": "<img src=/canary onerror='window.wasRun = true'>",
    "svg onload": "<svg onload='window.wasRun = true'><script>alert(1)</script></svg>",
    "details ontoggle": "<details open ontoggle='window.wasRun = true'>",
    "input autofocus": "<input autofocus onfocus='window.wasRun = true'>",
    "iframe srcdoc": "<iframe srcdoc='<script>parent.wasRun = true</script>'></iframe>",
    "object": "<object data='javascript:parent.wasRun = true'></object><embed src=/canary>",
    "style": f"<style>*{{display: none; background: url({_URL}.png)}}</style>",
    "link": f"<link rel=stylesheet href={_URL}.css>",
    "base": "<base href='http://canary.invalid/'>",
    "meta": f"<meta http-equiv=refresh content='0; url={_URL}'>",
    "form": f"<form action='{_URL}'><button>Send</button></form>",
    "markup link": f"<a href='javascript:window.wasRun = true'>click</a> <a href='{_URL}'>me</a>",
    "bare link": f"javascript:alert(1) {_URL} www.canary.invalid",
    "Markdown": f"[link](javascript:alert(1)) ![picture]({_URL}.png) # heading",
    "end of the log": "</bdi></div></pre></code><u>below</u><pre>",
    "end of an attribute": "\"><b onmouseover='alert(1)'>'><!--",
    "comment": "<!-- ]]> --!> <![CDATA[",
    "entities": "&lt;script&gt; &amp; &#60;script&#62; &nbsp;&#x202E;",
    "template": "{{constructor.constructor('alert(1)')()}} ${alert(1)} <%= 1 %> #{1} {% raw %}",
    "dollars": "$\\href{javascript:alert(1)}{x^2}$ $$\\int_0^1 x\\,dx$$",
    "brackets": "\\(x^2\\) \\[x^2\\] \\begin{align}x\\end{align} \\href{javascript:alert(1)}{y}",
    "long line": "x" * 900,
    "combining marks": "Z" + "\u0301\u0316\u0489" * 60 + "algo",
    "right to left": "אבג 123 <b>",
    "emoji": "👩‍💻".replace("\u200d", "") + "🏳",
}
WRITTEN_OUT = {
    "colours": ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
    "cursor": ("\x1b[2J\x1b[1;1H\x1b[Agone", "␛[2J␛[1;1H␛[Agone"),
    "C1 colours": ("\x9b31mred", "⟨U+009B⟩31mred"),
    "terminal link": (
        f"\x1b]8;;{_URL}\x1b\\click\x1b]8;;\x07",
        f"␛]8;;{_URL}␛\\click␛]8;;␇",
    ),
    "carriage return": ("first\rsecond", "first␍second"),
    "backspace": ("good\b\b\b\bevil", "good␈␈␈␈evil"),
    "erase": ("good\x7fevil", "good␡evil"),
    "NUL": ("a\0b", "a␀b"),
    "form feed": ("a\x0c\x0bb", "a␌␋b"),
    "line separators": ("a\u2028b\u2029c\x85d", "a⟨U+2028⟩b⟨U+2029⟩c⟨U+0085⟩d"),
    "overrides": (
        "\u202a\u202b\u202c\u202d\u202eevil",
        "⟨U+202A⟩⟨U+202B⟩⟨U+202C⟩⟨U+202D⟩⟨U+202E⟩evil",
    ),
    "isolates": (
        "\u2066\u2067\u2068\u2069evil\u200e\u200f\u061c",
        "⟨U+2066⟩⟨U+2067⟩⟨U+2068⟩⟨U+2069⟩evil⟨U+200E⟩⟨U+200F⟩⟨U+061C⟩",
    ),
    "no width": (
        "a\u200bb\u200cc\u200dd\u2060e\u00adf\u180eg",
        "a⟨U+200B⟩b⟨U+200C⟩c⟨U+200D⟩d⟨U+2060⟩e⟨U+00AD⟩f⟨U+180E⟩g",
    ),
    "fillers": ("a\u3164b\u115fc\u1160d\uffa0e", "a⟨U+3164⟩b⟨U+115F⟩c⟨U+1160⟩d⟨U+FFA0⟩e"),
    "byte order mark": ("\ufeffmark", "⟨U+FEFF⟩mark"),
    "private use": ("\ue000\U000f0000", "⟨U+E000⟩⟨U+F0000⟩"),
    "no characters": ("\ufffe\uffff\ufdd0", "⟨U+FFFE⟩⟨U+FFFF⟩⟨U+FDD0⟩"),
    "tags": ("a\U000e0041\U000e0042", "a⟨U+E0041⟩⟨U+E0042⟩"),
    "annotations": ("\ufff9a\ufffab\ufffb", "⟨U+FFF9⟩a⟨U+FFFA⟩b⟨U+FFFB⟩"),
}
PAYLOADS = {text: text for text in SHOWN_AS_THEY_ARE.values()} | dict(WRITTEN_OUT.values())
"""What the peer sends, and what the user must see."""

IN_A_LINE = PAYLOADS | {
    "first\rsecond": "first second",
    "a\x0c\x0bb": "a b",
    "a\u2028b\u2029c\x85d": "a b c d",
}
"""The same within a single line, in which all white space is equal."""
