import { useEffect, useState } from "preact/hooks";

import { seconds, tokens } from "../../ui/format";
import type { AssistantTurn } from "../turns";

interface FoldProps {
  turn: AssistantTurn;
  /** When the reply was asked for, by performance.now(); null for one that this page does not write. */
  started: number | null;
}

/** Reasoning: open while it comes, folded when the answer begins, unless the user has said otherwise. */
export function ReasoningFold({ turn, started }: FoldProps) {
  const thinking = turn.state === "streaming" && turn.times.thought === null;
  const [chosen, choose] = useState<boolean | null>(null);
  const open = chosen ?? thinking;
  return (
    <details class="reasoning" open={open}>
      <summary
        onClick={(event) => {
          event.preventDefault();
          choose(!open);
        }}
      >
        {thinking ? <Thinking turn={turn} started={started} /> : <Thought turn={turn} />}
      </summary>
      {open && <div class="reasoning-text">{turn.reasoning}</div>}
    </details>
  );
}

function Thinking({ turn, started }: FoldProps) {
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 200);
    return () => clearInterval(timer);
  }, []);
  const time = started === null ? null : Math.max(0, now - started - (turn.times.first ?? 0)) / 1000;
  return (
    <>
      <span class="pulse" aria-hidden="true" />
      Thinking
      <span class="figures">
        {time !== null && `${seconds(time)} · `}about {tokens(turn.reasoningPieces)}
      </span>
    </>
  );
}

function Thought({ turn }: { turn: AssistantTurn }) {
  const { first, thought } = turn.times;
  const exact = turn.usage?.reasoning;
  return (
    <>
      Reasoning
      <span class="figures">
        {first !== null && thought !== null && `${seconds((thought - first) / 1000)} · `}
        {exact ? tokens(exact) : `about ${tokens(turn.reasoningPieces)}`}
      </span>
    </>
  );
}
