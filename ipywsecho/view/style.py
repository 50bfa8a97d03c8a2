"""The style sheet of the rows.

It is in the page once. If each redraw replaced it, the browser would restyle the whole page each
time.
"""

__all__ = ["STYLE"]

_GONE = (
    ".ipywsecho-console.jupyter-widgets-disconnected:not(.ipywsecho-gone) "
    ".ipywsecho-header [role=status]:not(.closed)"
)

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
    # What is copied is the payload alone.
    ".ipywsecho>div:has(>time){user-select:none}"
    ".ipywsecho>div>:is(bdi,span,div){user-select:text}"
    ".ipywsecho summary{cursor:pointer;white-space:pre;overflow:hidden;text-overflow:ellipsis}"
    ".ipywsecho details[open] summary{color:var(--jp-ui-font-color2,#616161)}"
    ".ipywsecho time,.ipywsecho i,.ipywsecho .note{color:var(--jp-ui-font-color2,#616161)}"
    ".ipywsecho i{font-style:normal;float:right;text-indent:0;padding-left:2ch}"
    ".ipywsecho img{display:block;max-width:128px;max-height:128px;margin:2px 0}"
    ".ipywsecho .sent b{color:var(--jp-brand-color1,#1976d2)}"
    ".ipywsecho .got b{color:var(--jp-success-color0,#1b5e20)}"
    ".ipywsecho .error{color:var(--jp-error-color1,#b71c1c)}"
    ":is(.ipywsecho,.ipywsecho-frame) .key{color:var(--jp-mirror-editor-property-color,#0055aa)}"
    ":is(.ipywsecho,.ipywsecho-frame) .str{color:var(--jp-mirror-editor-string-color,#a31515)}"
    ":is(.ipywsecho,.ipywsecho-frame) .num{color:var(--jp-mirror-editor-number-color,#086)}"
    ".ipywsecho-screen .jp-RenderedHTMLCommon{padding:0}"
    # A page that cannot run the list need not say so: it shows the Output.
    ".ipywsecho-screen>:has(.jupyter-widgets-error-widget){display:none}"
    "@container (max-width:60ch){.ipywsecho>div{padding-left:2ch;text-indent:-2ch}}"
    # The labels are for screen readers only; sighted users see the placeholders and values.
    ".ipywsecho-named .widget-label,.ipywsecho-spoken{position:absolute;clip-path:inset(50%)}"
    ".ipywsecho-spoken{width:1px;height:1px;overflow:hidden;white-space:nowrap}"
    # One line, or two where it is narrow, whatever comes and goes: what does not fit is cut.
    ".ipywsecho-header{container-type:inline-size;line-height:1.5}"
    ".ipywsecho-header>div,.ipywsecho-header>div>div{display:flex;gap:0 1.2em}"
    ".ipywsecho-header>div>div{min-width:0;min-height:1.5em;white-space:nowrap}"
    ".ipywsecho-header>div>div+div{flex:1}"
    ".ipywsecho-header b,.ipywsecho-header code,.ipywsecho-header div>span{min-width:0;"
    "overflow:hidden;text-overflow:ellipsis}"
    ".ipywsecho-header [role=status],.ipywsecho-header .counts{flex:none}"
    # ipywidgets marks what no kernel stands behind; where our module runs, it says so itself.
    f"{_GONE}>span{{display:none}}"
    f"{_GONE}::after{{content:'the kernel is gone; run the cell again'}}"
    ".ipywsecho-header code{flex:0 9 auto;min-width:3em}.ipywsecho-header code:empty{display:none}"
    # A long address makes room, but what is told leaves room for one of usual length.
    ".ipywsecho-header code:not(:empty)+span{max-width:55%}"
    "@container (max-width:44em){.ipywsecho-header>div{flex-direction:column}}"
    ".ipywsecho-buttons .jupyter-button{min-width:0;padding:0 6px}"
    ".ipywsecho-icon{display:inline-flex;align-items:center;font-size:0}"
    ".ipywsecho-icon i{font-size:var(--jp-widgets-font-size,13px);margin:0!important}"
    # The list has a button of its own for that.
    ".ipywsecho-console:has(.ipywsecho-listed) .ipywsecho-uncover{display:none}"
    ".ipywsecho-offer{display:block;line-height:1.5;overflow-wrap:anywhere}"
    ".ipywsecho-offer a{text-decoration:underline!important;"
    "color:var(--jp-content-link-color,#1565c0)}"
    "@media (forced-colors:active){.ipywsecho-offer a{color:LinkText}}"
    ".ipywsecho-wrong{line-height:1.5;color:var(--jp-error-color1,#b71c1c);"
    "overflow-wrap:anywhere}"
)
