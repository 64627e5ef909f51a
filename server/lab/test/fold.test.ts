import { expect, test } from "vitest";

import { fold } from "../src/chat/fold";
import { assistant } from "./sample-turns";

const delta = (change: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta: change, finish_reason: finish }],
});

test("a stream becomes reasoning, text, calls, usage and times", () => {
  const chunks = [
    delta({ role: "assistant", content: "" }),
    delta({ reasoning_content: "think" }),
    delta({ reasoning_content: "ing" }),
    delta({ content: "4" }),
    delta({ content: "2" }),
    delta({ tool_calls: [{ index: 0, id: "call_1", function: { name: "add", arguments: '{"a"' } }] }),
    delta({ tool_calls: [{ index: 0, function: { arguments: ":1}" } }] }),
    delta({}, "tool_calls"),
    {
      choices: [],
      usage: { prompt_tokens: 9, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 3 } },
    },
  ];

  const turn = chunks.reduce((reply, chunk, index) => fold(reply, chunk, index * 10), assistant("r", null));

  expect(turn).toMatchObject({
    reasoning: "thinking",
    reasoningPieces: 2,
    text: "42",
    calls: [{ id: "call_1", name: "add", arguments: '{"a":1}' }],
    finish: "tool_calls",
    usage: { prompt: 9, cached: 3, completion: 5, reasoning: 0 },
    times: { first: 10, thought: 30, ended: null },
  });
});

test("chunks of another shape change nothing", () => {
  const turn = assistant("r", null);

  expect([null, 3, {}, { choices: "x" }, { choices: [null] }].map((chunk) => fold(turn, chunk, 1))).toEqual(
    Array(5).fill(turn),
  );
});
