"""What a model writes does nothing but be read: no script, no request, no link that runs."""

import pytest
from playwright.sync_api import expect

from tests.lab.lab import Lab

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_MARKUP = """
<img src=x onerror="window.hit = 1"> <script>window.hit = 1</script>
<svg onload="window.hit = 1"></svg> <iframe src="https://evil.example/"></iframe>
<a href="javascript:window.hit=1">raw link</a> <style>body { display: none }</style>

[run](javascript:window.hit=1) [data](data:text/html,<script>window.hit=1</script>) [fine](https://fine.example/)
[tab](java\tscript:window.hit=1) [entity](&#106;avascript:window.hit=1)

![tracker](https://evil.example/pixel.png) ![x](javascript:window.hit=1)

$a^2$ $\\href{javascript:window.hit=1}{x} \\includegraphics{https://evil.example/a.png}$ and
$$\\style{background:url(https://evil.example/b.png)}{x}$$

```html
<img src=x onerror="window.hit = 1">
```

| a | b |
|---|---|
| <img src=x onerror="window.hit=1"> | **bold** |
"""


def test_markup_in_a_reply_is_text(lab: Lab) -> None:
    lab.answer_with(*_MARKUP.splitlines(keepends=True))
    lab.open()
    lab.ask("Attack")
    lab.wait()

    reply = lab.replies.last.locator(".markdown")
    expect(reply.locator("math msup")).to_have_count(1)
    expect(reply.locator("table strong")).to_have_text("bold")
    assert lab.page.evaluate("window.hit") is None
    assert reply.locator("img, script, iframe, svg, style, [onerror], [style]").count() == 0
    links = reply.locator("a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    assert links == ["https://fine.example/", "https://evil.example/pixel.png"]
    expect(reply).to_contain_text('<img src=x onerror="window.hit = 1">')


def test_a_line_of_a_megabyte_leaves_the_page_usable(lab: Lab) -> None:
    lab.answer_with(*["<b>" + "ab" * 5000] * 100)
    lab.open()
    lab.ask("Go on")
    lab.wait()

    reply = lab.replies.last
    expect(reply.get_by_role("button", name="Show all 1,000,300 characters")).to_be_visible()
    assert lab.page.evaluate("document.querySelectorAll('*').length") < 1000
    assert len(reply.inner_text()) < 30_000
    lab.page.get_by_label("Message", exact=True).fill("still here")
