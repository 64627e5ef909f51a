import { expect, test } from "vitest";

import { EventSplitter } from "../src/api/sse";

const STREAM = ': ping\n\ndata: {"a":1}\r\n\r\nevent: x\ndata: one\ndata: two\n\ndata:[DONE]\n\ndata: cut';

test("events are the same in any split", () => {
  const whole = new EventSplitter().feed(STREAM);
  for (let size = 1; size < STREAM.length; size++) {
    const splitter = new EventSplitter();
    const events: string[] = [];
    for (let at = 0; at < STREAM.length; at += size)
      events.push(...splitter.feed(STREAM.slice(at, at + size)));
    expect(events).toEqual(whole);
  }
  expect(whole).toEqual(['{"a":1}', "one\ntwo", "[DONE]"]);
});
