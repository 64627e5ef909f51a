"""A conversation of 2,000 messages: what is drawn is bounded, whatever was said."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.lab.archives import archive_of
from tests.lab.lab import Lab

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_MESSAGES = 2000
_MOST_DRAWN = 60
_TEXT = "Message {}\n\nwith *some* text, `code` and\n\n- a list\n- of two\n\n```python\nprint({})\n```\n"


@pytest.fixture(name="long")
def _long(lab: Lab, archive: Path) -> Lab:
    archive.write_text(archive_of([_TEXT.format(n, n) for n in range(_MESSAGES)]), encoding="utf-8")
    lab.open()
    lab.import_file(archive)
    expect(lab.page.locator(".turn")).to_have_count(_MESSAGES)
    return lab


def _drawn(lab: Lab) -> int:
    return lab.page.locator(".turn > *:first-child").count()


def test_only_what_is_near_is_drawn_from_one_end_to_the_other(long: Lab) -> None:
    expect(long.replies.last).to_be_in_viewport()
    drawn = [_drawn(long)]

    for share in (0.75, 0.5, 0.25, 0):
        long.page.locator(".turns").evaluate(
            "(area, share) => (area.scrollTop = area.scrollHeight * share)", share
        )
        long.page.wait_for_function(
            """() => {
              const area = document.querySelector('.turns').getBoundingClientRect();
              const middle = document.elementFromPoint(area.x + area.width / 2, area.y + area.height / 2);
              return middle.closest('.turn')?.firstElementChild != null;
            }"""
        )
        drawn.append(_drawn(long))

    assert max(drawn) <= _MOST_DRAWN
    expect(long.questions.first).to_be_in_viewport()


def test_a_reply_in_a_long_conversation_redraws_nothing_else(long: Lab) -> None:
    long.answer_with(*(f"word {n} " for n in range(200)))
    long.page.evaluate(
        """() => {
          window.touched = new Set();
          const watch = new MutationObserver((changes) => {
            for (const { target } of changes) {
              const turn = (target.nodeType === 1 ? target : target.parentElement)?.closest('.turn');
              if (turn) window.touched.add(turn.dataset.turn);
            }
          });
          const what = { subtree: true, childList: true, characterData: true };
          watch.observe(document.querySelector('.turns-inner'), what);
        }"""
    )

    long.ask("What is 17 + 25?")
    long.wait()

    expect(long.replies.last).to_contain_text("word 199")
    expect(long.page.locator(".turn")).to_have_count(_MESSAGES + 2)
    assert long.page.evaluate("window.touched.size") <= _MOST_DRAWN
    assert _drawn(long) <= _MOST_DRAWN
