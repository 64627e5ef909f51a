import { Icon } from "../../ui/icon";
import { tree } from "../session";
import type { ToolTurn } from "../turns";
import { type Siblings, SiblingSteps } from "./sibling-steps";

/** What was given back for the calls of the turn before. */
export function ToolView({ turn, siblings }: { turn: ToolTurn; siblings: Siblings }) {
  const before = turn.parent === null ? undefined : tree.value.get(turn.parent);
  const calls = before?.role === "assistant" ? before.calls : [];
  return (
    <>
      {turn.results.map(({ call, text }) => (
        <section key={call} class="card result">
          <header>
            <Icon name="tool" />
            <strong>{calls.find(({ id }) => id === call)?.name ?? call}</strong>
            <span class="muted">result</span>
          </header>
          <pre tabIndex={0} role="region" aria-label="Result">
            {text || "(empty)"}
          </pre>
        </section>
      ))}
      <footer class="turn-foot">
        <SiblingSteps siblings={siblings} />
      </footer>
    </>
  );
}
