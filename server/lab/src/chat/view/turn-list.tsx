import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { Icon } from "../../ui/icon";
import { current, path, tree } from "../session";
import { childrenOf } from "../tree";
import type { Turn } from "../turns";
import { Nearness } from "./nearness";
import type { Siblings } from "./sibling-steps";
import { TurnRow } from "./turn-row";

/** Up to so many turns all are drawn: searching in the page finds each of them. */
const ALL_DRAWN = 80;
/** So near to the end counts as being there. */
const AT_END = 60;

/** Each turn's place among its alternatives. Changes only when a turn is added. */
function useSiblings(turns: Turn[]): Map<string, Siblings> {
  const children = useMemo(() => childrenOf(tree.value), [tree.value.size, current.value.id]);
  return useMemo(() => {
    const places = turns.map(({ id, parent }) => {
      const ids = children.get(parent) ?? [id];
      return [id, { ids, index: ids.indexOf(id) }] as const;
    });
    return new Map(places);
  }, [children, path.value.at(-1)?.id]);
}

/** Keeps the end in sight while a reply grows, until the user scrolls away from it. */
function useFollowing(conversation: string) {
  const scroller = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const [away, setAway] = useState(false);
  const toEnd = (): void => {
    following.current = true;
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  };
  useLayoutEffect(() => {
    const area = scroller.current;
    if (!area || !inner.current) return undefined;
    const resized = new ResizeObserver(() => following.current && toEnd());
    resized.observe(inner.current);
    let top = area.scrollTop;
    const scrolled = (): void => {
      const left = area.scrollHeight - area.clientHeight - area.scrollTop;
      if (left < AT_END) following.current = true;
      else if (area.scrollTop < top) following.current = false;
      top = area.scrollTop;
      setAway(left >= AT_END * 4);
    };
    area.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      resized.disconnect();
      area.removeEventListener("scroll", scrolled);
    };
  }, []);
  useLayoutEffect(toEnd, [conversation]);
  return { scroller, inner, away, toEnd };
}

export function TurnList() {
  const turns = path.value;
  const siblings = useSiblings(turns);
  const { scroller, inner, away, toEnd } = useFollowing(current.value.id);
  const [nearness, setNearness] = useState<Nearness | null>(null);
  const long = turns.length > ALL_DRAWN;
  useLayoutEffect(() => {
    if (scroller.current) setNearness(new Nearness(scroller.current));
  }, []);
  const last = turns.at(-1);
  useEffect(() => {
    if (last?.role === "user" || last?.role === "assistant") toEnd();
  }, [last?.id]);
  return (
    <div class="turns-frame">
      <div class="turns" ref={scroller} tabIndex={0} role="region" aria-label="Conversation">
        <div class="turns-inner" ref={inner}>
          {(!long || nearness) &&
            turns.map((turn, index) => (
              <TurnRow
                key={turn.id}
                turn={turn}
                siblings={siblings.get(turn.id) ?? { ids: [turn.id], index: 0 }}
                last={index === turns.length - 1}
                nearness={long ? nearness : null}
              />
            ))}
        </div>
      </div>
      {away && (
        <button type="button" class="to-end" onClick={toEnd}>
          <Icon name="down" />
          To the end
        </button>
      )}
    </div>
  );
}
