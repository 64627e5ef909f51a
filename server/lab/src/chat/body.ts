import type { AssistantTurn, Settings, Turn } from "./turns";

type Json = Record<string, unknown>;

/** A setting that cannot be sent as it stands. */
export class SettingsError extends Error {}

function parsed(source: string, what: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new SettingsError(`The ${what} are not JSON: ${error instanceof Error ? error.message : ""}`);
  }
}

function responseFormat(settings: Settings): Json | null {
  if (settings.answer === "text") return null;
  if (settings.answer === "json_object") return { type: "json_object" };
  const schema = parsed(settings.schema || "{}", "schema's contents");
  return { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
}

/** The body of a request without its messages. */
export function askedWith(settings: Settings, model: string): Json {
  const body: Json = { model, reasoning_effort: settings.effort };
  for (const key of ["temperature", "top_p", "top_k", "min_p", "seed", "max_tokens"] as const) {
    if (settings[key] !== null) body[key] = settings[key];
  }
  if (settings.tools.trim()) {
    const tools = parsed(settings.tools, "tools");
    if (!Array.isArray(tools)) throw new SettingsError("The tools must be a JSON list.");
    if (tools.length) body["tools"] = tools;
  }
  const format = responseFormat(settings);
  if (format) body["response_format"] = format;
  return body;
}

function assistantMessage(turn: AssistantTurn): Json {
  const message: Json = { role: "assistant", content: turn.text || null };
  if (turn.reasoning) message["reasoning_content"] = turn.reasoning;
  if (turn.calls.length) {
    message["tool_calls"] = turn.calls.map(({ id, name, arguments: args }) => ({
      id,
      type: "function",
      function: { name, arguments: args },
    }));
  }
  return message;
}

/** The messages of a request that continues `path`. A reply that said nothing is left out. */
export function messagesOf(path: Turn[], system: string): Json[] {
  const messages: Json[] = system.trim() ? [{ role: "system", content: system }] : [];
  for (const turn of path) {
    if (turn.role === "user") messages.push({ role: "user", content: turn.text });
    else if (turn.role === "tool") {
      messages.push(
        ...turn.results.map(({ call, text }) => ({ role: "tool", tool_call_id: call, content: text })),
      );
    } else if (turn.text || turn.calls.length) messages.push(assistantMessage(turn));
  }
  return messages;
}
