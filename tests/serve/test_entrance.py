import base64
import re
from hashlib import sha256

import pytest

from breastseg.serve.web.entrance import (
    PAGE_HEADERS,
    TOKEN_NEEDED,
    is_for_person,
    leading_page,
    refusal_page,
)


@pytest.mark.parametrize(
    ("path", "accept", "person"),
    [
        ("/", "text/html,*/*", True),
        ("/", "application/json", False),
        ("/api/gallery", "text/html", False),
        ("/apis", "text/html", True),
    ],
)
def test_a_page_is_for_who_asks_for_one(path: str, accept: str, person: bool) -> None:
    assert is_for_person(path, accept) is person


def test_only_who_lacks_a_token_is_asked_for_one() -> None:
    assert b"<form" in refusal_page(TOKEN_NEEDED)
    assert b"<form" not in refusal_page("wrong address")


def test_words_of_others_are_text() -> None:
    assert b"<p>&lt;b&gt;no.</p>" in refusal_page("<b>no")
    page = leading_page('/?a="><script>')
    assert b"<script>" not in page
    assert page.count(b"/?a=&quot;&gt;&lt;script&gt;") == 2


def test_the_policy_allows_the_pages_own_style_and_nothing_else() -> None:
    style = re.search(rb"<style>(.*?)</style>", refusal_page("x"), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(sha256(style[1]).digest()).decode()
    policy = PAGE_HEADERS["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "script" not in policy
