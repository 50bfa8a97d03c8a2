"""The style sheet of the rows.

It is in the page once. If each redraw replaced it, the browser would restyle the whole page each
time.
"""

__all__ = ["STYLE"]

STYLE = (
    # The selector names the role as well, to outweigh JupyterLab's margins and Voilà's font.
    "pre.ipywsecho[role]{container-type:inline-size;margin:0;padding:4px 8px;white-space:pre-wrap;"
    "word-break:normal;overflow-wrap:anywhere;font-family:var(--jp-code-font-family,monospace);"
    "font-size:var(--jp-code-font-size,13px);line-height:1.4;"
    "color:var(--jp-content-font-color1,#212121)}"
    ".ipywsecho>div{padding-left:17ch;text-indent:-17ch;overflow:hidden}"
    # Most older rows are scrolled out of view, where the browser need not lay them out.
    ".ipywsecho>div:nth-last-child(n+31){content-visibility:auto;"
    "contain-intrinsic-height:auto 1.4em}"
    # Long lines wrap instead of scrolling: each scrollable block would be a stop of the Tab key.
    ".ipywsecho div div,.ipywsecho details{text-indent:0}"
    ".ipywsecho>div>div,.ipywsecho details[open]{clear:both}"
    ".ipywsecho details:not([open]){display:inline-block;vertical-align:top;"
    "max-width:max(100% - 24ch,70%)}"
    ".ipywsecho summary{cursor:pointer;white-space:pre;overflow:hidden;text-overflow:ellipsis}"
    ".ipywsecho details[open] summary{color:var(--jp-ui-font-color2,#616161)}"
    ".ipywsecho time,.ipywsecho i,.ipywsecho .note{color:var(--jp-ui-font-color2,#616161)}"
    ".ipywsecho i{font-style:normal;float:right;text-indent:0;padding-left:2ch}"
    ".ipywsecho img{display:block;max-width:128px;max-height:128px;margin:2px 0}"
    ".ipywsecho .sent b{color:var(--jp-brand-color1,#1976d2)}"
    ".ipywsecho .got b{color:var(--jp-success-color0,#1b5e20)}"
    ".ipywsecho .error{color:var(--jp-error-color1,#b71c1c)}"
    ".ipywsecho .key{color:var(--jp-mirror-editor-property-color,#0055aa)}"
    ".ipywsecho .str{color:var(--jp-mirror-editor-string-color,#a31515)}"
    ".ipywsecho .num{color:var(--jp-mirror-editor-number-color,#086)}"
    # The rows of a preview have the same position as later in the Output.
    ".ipywsecho-screen .jp-RenderedHTMLCommon{padding:0}"
    ".ipywsecho-preview pre.ipywsecho[role]{padding-top:0;margin-top:-4px}"
    # A preview is hidden as soon as the Output shows its rows. If a message hid it, the rows would
    # appear twice, or not at all, until the page has received both messages.
    ".ipywsecho-screen>.ipywsecho-preview{display:none}"
    ".ipywsecho-screen:has(.even[role=log]):has(.even[role=none])>.ipywsecho-preview,"
    ".ipywsecho-screen:has(.odd[role=log]):has(.odd[role=none])>.ipywsecho-preview{display:flex}"
    "@container (max-width:60ch){.ipywsecho>div{padding-left:2ch;text-indent:-2ch}}"
    # The labels are for screen readers only; sighted users see the placeholders and values.
    ".ipywsecho-named .widget-label{position:absolute;clip-path:inset(50%)}"
)
