import { isRecord } from "../api/errors";
import {
  type AssistantTurn,
  type Conversation,
  DEFAULT_SETTINGS,
  newId,
  type Settings,
  type Turn,
} from "./turns";

/** Conversations as a file. Version 1 is the only one so far. */
export interface Archive {
  format: "optiq-lab";
  version: 1;
  conversations: { conversation: Conversation; turns: Turn[] }[];
}

/** A file that is no archive of conversations. */
export class ArchiveError extends Error {}

type Json = Record<string, unknown>;

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new ArchiveError(`This file holds no conversations of the Lab: ${what}.`);
}

function string(record: Json, key: string): string {
  const value = record[key];
  check(typeof value === "string", `"${key}" must be a text`);
  return value;
}

const number = (value: unknown): number => (typeof value === "number" ? value : 0);
const numberOrNull = (value: unknown): number | null => (typeof value === "number" ? value : null);
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function settingsOf(value: unknown): Settings {
  const settings: Json = { ...DEFAULT_SETTINGS };
  if (!isRecord(value)) return DEFAULT_SETTINGS;
  for (const [key, standard] of Object.entries(DEFAULT_SETTINGS)) {
    const given = value[key];
    const fits = standard === null ? given === null || typeof given === "number" : typeof given === "string";
    if (fits) settings[key] = given;
  }
  return settings as unknown as Settings;
}

function replyOf(record: Json): Omit<AssistantTurn, "id" | "conversation" | "parent" | "created"> {
  const usage = isRecord(record["usage"]) ? record["usage"] : null;
  const times = isRecord(record["times"]) ? record["times"] : {};
  const calls = Array.isArray(record["calls"]) ? record["calls"].filter(isRecord) : [];
  const states = ["done", "stopped", "failed"] as const;
  return {
    role: "assistant",
    text: textOf(record["text"]),
    reasoning: textOf(record["reasoning"]),
    calls: calls.map((call) => ({
      id: string(call, "id"),
      name: string(call, "name"),
      arguments: string(call, "arguments"),
    })),
    state: states.find((state) => state === record["state"]) ?? "interrupted",
    finish: textOf(record["finish"]) || null,
    error: textOf(record["error"]) || null,
    usage: usage && {
      prompt: number(usage["prompt"]),
      cached: number(usage["cached"]),
      completion: number(usage["completion"]),
      reasoning: number(usage["reasoning"]),
    },
    reasoningPieces: number(record["reasoningPieces"]),
    times: {
      first: numberOrNull(times["first"]),
      thought: numberOrNull(times["thought"]),
      ended: numberOrNull(times["ended"]),
    },
    system: textOf(record["system"]),
    asked: isRecord(record["asked"]) ? record["asked"] : {},
  };
}

function turnOf(record: Json, conversation: string, ids: Map<string, string>): Turn {
  const parent = record["parent"];
  const base = {
    id: ids.get(string(record, "id")) ?? "",
    conversation,
    parent: typeof parent === "string" ? (ids.get(parent) ?? null) : null,
    created: number(record["created"]),
  };
  switch (record["role"]) {
    case "user":
      return { ...base, role: "user", text: string(record, "text") };
    case "assistant":
      return { ...base, ...replyOf(record) };
    case "tool": {
      const results = Array.isArray(record["results"]) ? record["results"].filter(isRecord) : [];
      return {
        ...base,
        role: "tool",
        results: results.map((each) => ({ call: string(each, "call"), text: string(each, "text") })),
      };
    }
    default:
      throw new ArchiveError(`This file holds no conversations of the Lab: role ${String(record["role"])}.`);
  }
}

/** What a file holds, under new ids, so that importing twice gives two conversations and overwrites none. */
export function readArchive(source: string): Archive["conversations"] {
  let archive: unknown = null;
  try {
    archive = JSON.parse(source);
  } catch {
    throw new ArchiveError("This file is not JSON.");
  }
  check(isRecord(archive) && archive["format"] === "optiq-lab", `"format" must be "optiq-lab"`);
  check(archive["version"] === 1, `"version" must be 1`);
  const entries = archive["conversations"];
  check(Array.isArray(entries), `"conversations" must be a list`);
  return entries.map((entry: unknown) => {
    check(isRecord(entry) && isRecord(entry["conversation"]), "each entry needs a conversation");
    check(Array.isArray(entry["turns"]) && entry["turns"].every(isRecord), "each entry needs its turns");
    const meta = entry["conversation"];
    const ids = new Map(entry["turns"].map((turn: Json) => [string(turn, "id"), newId()]));
    const conversation: Conversation = {
      id: newId(),
      title: string(meta, "title"),
      created: number(meta["created"]),
      updated: number(meta["updated"]),
      settings: settingsOf(meta["settings"]),
      leaf: ids.get(textOf(meta["leaf"])) ?? null,
    };
    return { conversation, turns: entry["turns"].map((turn: Json) => turnOf(turn, conversation.id, ids)) };
  });
}
