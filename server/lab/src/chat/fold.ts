import { isRecord } from "../api/errors";
import type { AssistantTurn, ToolCall, Usage } from "./turns";

type Json = Record<string, unknown>;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const count = (value: unknown): number => (typeof value === "number" ? value : 0);

function usageOf(value: Json): Usage {
  const prompt = isRecord(value["prompt_tokens_details"]) ? value["prompt_tokens_details"] : {};
  const completion = isRecord(value["completion_tokens_details"]) ? value["completion_tokens_details"] : {};
  return {
    prompt: count(value["prompt_tokens"]),
    cached: count(prompt["cached_tokens"]),
    completion: count(value["completion_tokens"]),
    reasoning: count(completion["reasoning_tokens"]),
  };
}

function withCalls(calls: ToolCall[], deltas: unknown): ToolCall[] {
  if (!Array.isArray(deltas)) return calls;
  const next = [...calls];
  for (const delta of deltas.filter(isRecord)) {
    const index = count(delta["index"]);
    const called = isRecord(delta["function"]) ? delta["function"] : {};
    const old = next[index] ?? { id: "", name: "", arguments: "" };
    next[index] = {
      id: text(delta["id"]) || old.id,
      name: text(called["name"]) || old.name,
      arguments: old.arguments + text(called["arguments"]),
    };
  }
  return next;
}

/** A reply with one more chunk of the stream; `elapsed` is milliseconds since it was asked for. */
export function fold(turn: AssistantTurn, chunk: unknown, elapsed: number): AssistantTurn {
  if (!isRecord(chunk)) return turn;
  const next = { ...turn, times: { ...turn.times } };
  if (isRecord(chunk["usage"])) next.usage = usageOf(chunk["usage"]);
  const choice: unknown = Array.isArray(chunk["choices"]) ? chunk["choices"][0] : null;
  if (!isRecord(choice)) return next;
  next.finish = text(choice["finish_reason"]) || next.finish;
  const delta = isRecord(choice["delta"]) ? choice["delta"] : {};
  const reasoning = text(delta["reasoning_content"]);
  const said = text(delta["content"]);
  next.calls = withCalls(next.calls, delta["tool_calls"]);
  const speaks = said !== "" || next.calls.length > turn.calls.length;
  if (reasoning || speaks) next.times.first ??= elapsed;
  if (reasoning) {
    next.reasoning += reasoning;
    next.reasoningPieces += 1;
  }
  if (speaks && next.reasoning) next.times.thought ??= elapsed;
  next.text += said;
  return next;
}
