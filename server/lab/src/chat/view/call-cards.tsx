import { useState } from "preact/hooks";

import { servedModel } from "../../status";
import { Icon } from "../../ui/icon";
import { Snippet } from "../../ui/snippet";
import { notice } from "../notice";
import { giveResults } from "../session";
import type { AssistantTurn, ToolCall } from "../turns";

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

/** The calls of a reply, and where it is the last turn, room for what they gave. */
export function CallCards({ turn, open }: { turn: AssistantTurn; open: boolean }) {
  const [results, setResults] = useState<Record<string, string>>({});
  const send = (): void => {
    const given = turn.calls.map(({ id }) => ({ call: id, text: results[id] ?? "" }));
    notice.guard(() => giveResults(servedModel.value, turn, given));
  };
  return (
    <form
      class="calls"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {turn.calls.map((call) => (
        <Card key={call.id} call={call}>
          {open && (
            <textarea
              rows={2}
              aria-label={`Result of ${call.name}`}
              placeholder="What the function gives back, for example JSON"
              value={results[call.id] ?? ""}
              onInput={(event) => setResults({ ...results, [call.id]: event.currentTarget.value })}
            />
          )}
        </Card>
      ))}
      {open && (
        <div class="row end">
          <button type="submit" class="primary">
            Send {turn.calls.length > 1 ? "results" : "result"}
          </button>
        </div>
      )}
    </form>
  );
}

function Card({ call, children }: { call: ToolCall; children: preact.ComponentChildren }) {
  return (
    <section class="card call" aria-label={`Call of ${call.name}`}>
      <header>
        <Icon name="tool" />
        <strong>{call.name}</strong>
        <span class="muted">call</span>
      </header>
      <Snippet code={pretty(call.arguments)} language="json" label="arguments" />
      {children}
    </section>
  );
}
