import { isRecord } from "../api/errors";

export const MODES = ["messages", "text", "ids"] as const;
export type Mode = (typeof MODES)[number];

/** A request to the inspector. */
export interface Question {
  path: "/v1/lab/render" | "/v1/lab/parse";
  body: Record<string, unknown>;
}

/** What cannot be asked as it was written. */
export class InputError extends Error {}

function messagesBody(source: string): Record<string, unknown> {
  let value: unknown = null;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new InputError(`This is not JSON: ${error instanceof Error ? error.message : ""}`);
  }
  if (Array.isArray(value)) return { messages: value };
  if (isRecord(value)) return value;
  throw new InputError("Messages are a JSON list, or the body of a chat with its messages, tools and so on.");
}

/** Numbers in any spelling: with commas, blanks, brackets or one a line. */
function idsOf(source: string): number[] {
  const words = source.split(/[\s,;[\]]+/).filter((word) => word !== "");
  const wrong = words.find((word) => !/^\d+$/.test(word));
  if (wrong !== undefined) throw new InputError(`“${wrong.slice(0, 40)}” is no token id.`);
  return words.map(Number);
}

export function questionOf(mode: Mode, source: string): Question {
  if (!source.trim()) throw new InputError("There is nothing to inspect yet.");
  switch (mode) {
    case "messages":
      return { path: "/v1/lab/render", body: messagesBody(source) };
    case "text":
      return { path: "/v1/lab/parse", body: { text: source } };
    case "ids":
      return { path: "/v1/lab/parse", body: { tokens: idsOf(source) } };
  }
}
