/** What a conversation is made of. Turns form a tree: each knows the one before it, and those after it are its branches. */

export type Effort = "none" | "low" | "medium" | "high";

/** How replies are asked for; what is null is left to the server. */
export interface Settings {
  system: string;
  effort: Effort;
  temperature: number | null;
  top_p: number | null;
  top_k: number | null;
  min_p: number | null;
  seed: number | null;
  max_tokens: number | null;
  /** A JSON list of tools as the API takes them, as the user wrote it. */
  tools: string;
  answer: "text" | "json_object" | "json_schema";
  /** A JSON schema, as the user wrote it. */
  schema: string;
}

export const DEFAULT_SETTINGS: Settings = {
  system: "",
  effort: "medium",
  temperature: null,
  top_p: null,
  top_k: null,
  min_p: null,
  seed: null,
  max_tokens: null,
  tools: "",
  answer: "text",
  schema: "",
};

export interface Conversation {
  id: string;
  title: string;
  created: number;
  updated: number;
  settings: Settings;
  /** The last turn of the branch that was looked at last; null where nothing was said. */
  leaf: string | null;
}

interface TurnBase {
  id: string;
  conversation: string;
  parent: string | null;
  created: number;
}

export interface UserTurn extends TurnBase {
  role: "user";
  text: string;
}

export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

export interface Usage {
  prompt: number;
  cached: number;
  completion: number;
  reasoning: number;
}

/** `streaming` while it comes; `stopped` by the user; `interrupted` when the page or the server went away. */
export type ReplyState = "streaming" | "done" | "stopped" | "interrupted" | "failed";

export interface AssistantTurn extends TurnBase {
  role: "assistant";
  text: string;
  reasoning: string;
  calls: ToolCall[];
  state: ReplyState;
  finish: string | null;
  error: string | null;
  usage: Usage | null;
  /** How many pieces of reasoning came: about as many tokens, until `usage` tells. */
  reasoningPieces: number;
  /** Milliseconds since it was asked for; null while it has not happened. */
  times: { first: number | null; thought: number | null; ended: number | null };
  /** The system prompt of the request, and its body without messages. */
  system: string;
  asked: Record<string, unknown>;
}

export interface ToolTurn extends TurnBase {
  role: "tool";
  results: { call: string; text: string }[];
}

export type Turn = UserTurn | AssistantTurn | ToolTurn;

/** Random enough for a key; crypto.randomUUID is missing on pages that came from another machine by http. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function titleOf(text: string): string {
  const line = text.trim().split("\n", 1)[0] ?? "";
  return line.length > 60 ? line.slice(0, 57).trimEnd() + "…" : line || "New conversation";
}
