import { expect, test } from "vitest";

import { ArchiveError, readArchive } from "../src/chat/exchange";
import { DEFAULT_SETTINGS } from "../src/chat/turns";
import { assistant, user } from "./sample-turns";

const conversation = { id: "c", title: "T", created: 1, updated: 2, settings: DEFAULT_SETTINGS, leaf: "a" };
const archive = (entry: object) =>
  JSON.stringify({ format: "optiq-lab", version: 1, conversations: [entry] });

test("what was exported is imported under new ids, its links kept", () => {
  const source = archive({
    conversation,
    turns: [user("u", null), assistant("a", "u", { text: "hi", state: "done" })],
  });

  const [entry] = readArchive(source);

  const [first, second] = entry?.turns ?? [];
  expect(entry?.conversation).toMatchObject({ title: "T", leaf: second?.id });
  expect(entry?.conversation.id).not.toBe("c");
  expect(second).toMatchObject({ role: "assistant", text: "hi", state: "done", parent: first?.id });
  expect(first?.parent).toBeNull();
});

test("a reply that was cut by the export is interrupted, not still streaming", () => {
  const [entry] = readArchive(archive({ conversation, turns: [assistant("a", null)] }));

  expect(entry?.turns[0]).toMatchObject({ state: "interrupted" });
});

test.each([
  "",
  "[]",
  "{}",
  '{"format":"optiq-lab","version":2}',
  archive({}),
  archive({ conversation, turns: [{}] }),
])("%s is told to be no archive", (source) => {
  expect(() => readArchive(source)).toThrow(ArchiveError);
});
