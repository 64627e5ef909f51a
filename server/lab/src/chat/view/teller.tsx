import { useEffect, useRef } from "preact/hooks";

import { announce, SentenceTeller } from "../../ui/announce";
import { path, replies } from "../session";
import type { AssistantTurn } from "../turns";

/** How often a screen reader is told what came. */
const PACE_MS = 2500;

interface Following {
  id: string;
  teller: SentenceTeller;
  saidThinking: boolean;
}

function ending(turn: AssistantTurn): string {
  if (turn.calls.length) return `The model calls ${turn.calls.map(({ name }) => name).join(", ")}.`;
  const ends = { done: "End of the reply.", stopped: "Stopped.", streaming: "" };
  return turn.state in ends ? ends[turn.state as keyof typeof ends] : (turn.error ?? "The reply broke off.");
}

/** Reads the running reply out, by sentences and not too often; shows nothing. */
export function Teller() {
  const following = useRef<Following | null>(null);
  const last = path.value.at(-1);
  const id = last && replies.value.has(last.id) ? last.id : null;
  useEffect(() => {
    if (id === null) return undefined;
    following.current = { id, teller: new SentenceTeller(), saidThinking: false };
    const timer = setInterval(() => {
      const turn = replies.peek().get(id)?.turn.peek();
      const now = following.current;
      if (!turn || !now) return;
      if (turn.reasoning && !turn.text && !now.saidThinking) {
        now.saidThinking = true;
        announce("The model is thinking.");
      }
      const said = now.teller.next(turn.text, false);
      if (said) announce(said);
    }, PACE_MS);
    return () => clearInterval(timer);
  }, [id]);
  useEffect(() => {
    const now = following.current;
    if (id !== null || !now || last?.id !== now.id || last.role !== "assistant") return;
    following.current = null;
    announce(`${now.teller.next(last.text, true)} ${ending(last)}`.trim());
  }, [id, last]);
  return null;
}
