import { expect, test } from "vitest";

import { BlockSplitter, LONGEST_BLOCK } from "../src/markdown/blocks";
import { blocksOf, markdown } from "../src/markdown/grammar";

const TEXT =
  "# A\n\nfirst *line*\nsecond\n\n- one\n- two\n\n  more\n\n```js\nlet a;\n\nlet b;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n$$\nx^2\n$$\n\nend";

function grown(text: string, size: number): string[] {
  const splitter = new BlockSplitter(blocksOf);
  for (let at = size; at < text.length; at += size) splitter.split(text.slice(0, at), false);
  return splitter.split(text, true).map(({ raw }) => raw);
}

test.each([1, 2, 3, 7, 20])("text that grows by %i characters has the blocks of the whole", (size) => {
  const whole = new BlockSplitter(blocksOf).split(TEXT, true).map(({ raw }) => raw.trim());

  expect(grown(TEXT, size).map((raw) => raw.trim())).toEqual(whole);
  expect(whole).toHaveLength(7);
});

test("nothing is lost while the text grows", () => {
  const splitter = new BlockSplitter(blocksOf);

  for (let at = 1; at <= TEXT.length; at++) {
    const shown = splitter.split(TEXT.slice(0, at), false).map(({ raw }) => raw);
    expect(shown.join("").replace(/\s/g, "")).toBe(TEXT.slice(0, at).replace(/\s/g, ""));
  }
});

test("a finished block is the same object while the text grows", () => {
  const splitter = new BlockSplitter(blocksOf);
  const [before] = splitter.split("one\n\ntwo\n\nthr", false);

  const [after] = splitter.split("one\n\ntwo\n\nthree", false);

  expect(after).toBe(before);
});

test("a line of a megabyte is one block that is not read as markdown", () => {
  let longest = 0;
  const splitter = new BlockSplitter((text) => {
    longest = Math.max(longest, text.length);
    return blocksOf(text);
  });

  const blocks = splitter.split("a".repeat(1_000_000), true);

  expect(blocks).toHaveLength(1);
  expect(longest).toBeLessThanOrEqual(LONGEST_BLOCK);
});

test.each([
  ["<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"],
  ["a <script>alert(1)</script>", "&lt;script&gt;"],
  ["[x](javascript:alert(1))", "<p>x</p>"],
  ["![x](https://a.example/i.png)", '<a href="https://a.example/i.png">[image: x]</a>'],
  ["a<br>b", "a<br>b"],
  ["costs $5 and $6", "<p>costs $5 and $6</p>"],
  ["$a+b$", '<span class="math">a+b</span>'],
  ["\\(a<b\\)", '<span class="math">a&lt;b</span>'],
])("%s becomes %s", (source, expected) => {
  expect(markdown.parse(source)).toContain(expected);
});
