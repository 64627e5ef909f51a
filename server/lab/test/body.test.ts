import { expect, test } from "vitest";

import { askedWith, messagesOf, SettingsError } from "../src/chat/body";
import { curlSnippet, python, pythonSnippet } from "../src/chat/snippets";
import { DEFAULT_SETTINGS } from "../src/chat/turns";
import { assistant, tool, user } from "./sample-turns";

test("what the user left open is not sent", () => {
  expect(askedWith(DEFAULT_SETTINGS, "m")).toEqual({ model: "m", reasoning_effort: "medium" });
});

test("zero is a temperature", () => {
  expect(askedWith({ ...DEFAULT_SETTINGS, temperature: 0 }, "m")).toHaveProperty("temperature", 0);
});

test("tools that are no JSON list are told before anything is sent", () => {
  expect(() => askedWith({ ...DEFAULT_SETTINGS, tools: "{" }, "m")).toThrow(SettingsError);
  expect(() => askedWith({ ...DEFAULT_SETTINGS, tools: "{}" }, "m")).toThrow(SettingsError);
});

test("calls and their results go back to the model, replies without content do not", () => {
  const call = { id: "call_1", name: "add", arguments: "{}" };
  const path = [
    user("u", null),
    assistant("empty", "u"),
    assistant("a", "u", { reasoning: "why", calls: [call] }),
    tool("t", "a", [{ call: "call_1", text: "3" }]),
  ];

  expect(messagesOf(path, "be brief")).toEqual([
    { role: "system", content: "be brief" },
    { role: "user", content: "u" },
    {
      role: "assistant",
      content: null,
      reasoning_content: "why",
      tool_calls: [{ id: "call_1", type: "function", function: { name: "add", arguments: "{}" } }],
    },
    { role: "tool", tool_call_id: "call_1", content: "3" },
  ]);
});

test("a quote in a message does not end the shell's argument", () => {
  expect(curlSnippet("http://h", { a: "it's" }, false)).toContain(`it'\\''s`);
});

test("python has its own words for true, false and null", () => {
  expect(python([true, false, null, "a", 1.5, {}])).toBe(
    '[\n    True,\n    False,\n    None,\n    "a",\n    1.5,\n    {},\n]',
  );
});

test("fields that the openai package does not know travel in extra_body", () => {
  const snippet = pythonSnippet("http://h", { model: "m", top_k: 4 }, true);

  expect(snippet).toContain('extra_body={\n        "top_k": 4,\n    }');
  expect(snippet).toContain('os.environ["OPTIQ_API_KEY"]');
});
