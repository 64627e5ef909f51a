import { memo } from "preact/compat";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Turn } from "../turns";
import { AssistantView } from "./assistant-view";
import type { Nearness } from "./nearness";
import type { Siblings } from "./sibling-steps";
import { ToolView } from "./tool-view";
import { UserView } from "./user-view";

interface RowProps {
  turn: Turn;
  siblings: Siblings;
  last: boolean;
  /** Null where the conversation is short: then everything is there, and can be searched. */
  nearness: Nearness | null;
}

/** About how high a turn will be, before it was ever drawn. */
function estimate(turn: Turn): number {
  const length = turn.role === "tool" ? 200 : turn.text.length;
  return 90 + Math.min(Math.ceil(length / 80), 400) * 26;
}

const NAMES = { user: "You", assistant: "Model", tool: "Tool results" } as const;

/** One turn. Far from what is seen it is an empty frame of its height, so that long conversations stay quick. */
export const TurnRow = memo(function TurnRow({ turn, siblings, last, nearness }: RowProps) {
  const element = useRef<HTMLElement>(null);
  const [near, setNear] = useState(last || nearness === null);
  const height = useRef<number | null>(null);
  useLayoutEffect(() => {
    const row = element.current;
    if (!row || !nearness) return undefined;
    return nearness.watch(row, (isNear) => {
      if (!isNear && row.contains(document.activeElement)) return;
      if (!isNear) height.current = row.offsetHeight;
      setNear(isNear);
    });
  }, [nearness]);
  const drawn = near || last || nearness === null;
  const frame = drawn ? undefined : { height: `${height.current ?? estimate(turn)}px` };
  return (
    <article
      ref={element}
      class={`turn ${turn.role}`}
      aria-label={NAMES[turn.role]}
      data-turn={turn.id}
      style={frame}
    >
      {drawn && <TurnBody turn={turn} siblings={siblings} last={last} />}
    </article>
  );
});

function TurnBody({ turn, siblings, last }: Omit<RowProps, "nearness">) {
  switch (turn.role) {
    case "user":
      return <UserView turn={turn} siblings={siblings} />;
    case "assistant":
      return <AssistantView turn={turn} siblings={siblings} last={last} />;
    case "tool":
      return <ToolView turn={turn} siblings={siblings} />;
  }
}
