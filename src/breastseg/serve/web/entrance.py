"""Pages that stand outside: who has no token yet, or the wrong address, and on the way in. They
need no other file."""

import base64
import html
from hashlib import sha256

TOKEN_NEEDED = (
    "a token is needed; open the address with ?token= that breastseg serve printed; each start has"
    " a new one"
)

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0"
    " 1rem}input,button{font:inherit;padding:.4rem"
    " .6rem}input{width:22rem;max-width:100%;box-sizing:border-box}"
)
# The pages' policy lets this style be used and no other.
_STYLE_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri"
        " 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}
_FORM = (
    '<form action="/"><p><label>Token<br><input name="token" autocomplete="off" autofocus'
    " required></label> <button>Open</button></p></form>"
)


def is_for_person(path: str, accept: str) -> bool:
    """Return whether somebody asks for a page in a browser, who is told what is wrong by one too;
    programs are told in JSON."""
    return "text/html" in accept and not path.startswith("/api/")


def refusal_page(line: str) -> bytes:
    """Return a refusal as a page for a person, who may have a token to give."""
    sentence = html.escape(line[:1].upper() + line[1:])
    form = _FORM if line == TOKEN_NEEDED else ""
    return _page(f"<h1>breastseg</h1><p>{sentence}.</p>{form}")


def leading_page(address: str) -> bytes:
    """Return a page that leads on to an address at once."""
    to = html.escape(address)
    # By the page itself, for its policy lets no script run; the link is for who turned that off.
    return _page(
        f'<p><a href="{to}">breastseg</a> opens …</p>',
        f'<meta http-equiv="refresh" content="0; url={to}">',
    )


def _page(body: str, more: str = "") -> bytes:
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta'
        ' name="color-scheme" content="light dark"><meta name="referrer"'
        f' content="no-referrer"><title>breastseg</title>{more}<style>{_STYLE}</style>'
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'.encode()
