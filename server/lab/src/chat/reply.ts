import { type Signal, signal } from "@preact/signals";

import { reachable } from "../api/connection";
import { messageOf, Unreachable } from "../api/errors";
import { fold } from "./fold";
import { streamChat } from "./stream";
import type { AssistantTurn } from "./turns";

/** A reply that is being written: its newest state, shown at most once a frame, and the way to stop it. */
export interface Reply {
  turn: Signal<AssistantTurn>;
  started: number;
  stop: () => void;
}

/** How often what has come is written down, for a reload and for other tabs. */
const SNAPSHOT_MS = 700;

/** Calls `show` in the next frame, once however often it is asked; a hidden page has no frames, so by time there. */
function oncePerFrame(show: () => void): () => void {
  let due = false;
  const run = (): void => {
    due = false;
    show();
  };
  return () => {
    if (due) return;
    due = true;
    if (document.hidden) setTimeout(run, 200);
    else requestAnimationFrame(run);
  };
}

function ended(turn: AssistantTurn, error: unknown, stopped: boolean, elapsed: number): AssistantTurn {
  const times = { ...turn.times, ended: elapsed };
  if (turn.reasoning) times.thought ??= elapsed;
  if (stopped) return { ...turn, times, state: "stopped" };
  if (error === null) return { ...turn, times, state: "done" };
  if (error instanceof Unreachable) reachable.value = false;
  const state = error instanceof Unreachable ? "interrupted" : "failed";
  return { ...turn, times, state, error: messageOf(error) };
}

/**
 * Asks for a reply and follows it to its end. `keep` is given its state now and then, and `close` the last one; both
 * write it down. Never throws: how it went is the turn's `state`.
 */
export function startReply(
  turn: AssistantTurn,
  messages: Record<string, unknown>[],
  keep: (turn: AssistantTurn) => void,
  close: (turn: AssistantTurn) => void,
): Reply {
  const abort = new AbortController();
  const started = performance.now();
  const shown = signal(turn);
  let latest = turn;
  const show = oncePerFrame(() => (shown.value = latest));
  const follow = async (): Promise<void> => {
    let error: unknown = null;
    const timer = setInterval(() => keep(latest), SNAPSHOT_MS);
    try {
      for await (const chunk of streamChat({ ...turn.asked, messages }, abort.signal)) {
        latest = fold(latest, chunk, performance.now() - started);
        show();
      }
    } catch (caught) {
      error = caught;
    } finally {
      clearInterval(timer);
    }
    latest = ended(latest, error, abort.signal.aborted, performance.now() - started);
    shown.value = latest;
    close(latest);
  };
  void follow();
  return { turn: shown, started, stop: () => abort.abort() };
}
