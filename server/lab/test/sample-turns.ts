import type { AssistantTurn, ToolTurn, Turn, UserTurn } from "../src/chat/turns";

const base = (id: string, parent: string | null, created: number) => ({
  id,
  conversation: "c",
  parent,
  created,
});

export function user(id: string, parent: string | null, created = 0, text = id): UserTurn {
  return { ...base(id, parent, created), role: "user", text };
}

export function tool(id: string, parent: string, results: ToolTurn["results"]): ToolTurn {
  return { ...base(id, parent, 0), role: "tool", results };
}

export function assistant(
  id: string,
  parent: string | null,
  change: Partial<AssistantTurn> = {},
): AssistantTurn {
  return {
    ...base(id, parent, 0),
    role: "assistant",
    text: "",
    reasoning: "",
    calls: [],
    state: "streaming",
    finish: null,
    error: null,
    usage: null,
    reasoningPieces: 0,
    times: { first: null, thought: null, ended: null },
    system: "",
    asked: {},
    ...change,
  };
}

export function treeOf(...turns: Turn[]): Map<string, Turn> {
  return new Map(turns.map((turn) => [turn.id, turn]));
}
