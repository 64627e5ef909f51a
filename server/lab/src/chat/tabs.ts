import type { Conversation, Turn } from "./turns";

/** What tabs of one browser tell each other. */
export type TabMessage =
  | { type: "conversation"; conversation: Conversation }
  | { type: "turn"; turn: Turn }
  | { type: "removed"; conversation: string }
  /** Who is writing this reply? Its owner answers with `turn`. */
  | { type: "owner"; turn: string };

/** A channel to the other tabs; where the browser has none, nobody listens. */
export class Tabs {
  private readonly channel: BroadcastChannel | null;

  constructor(hear: (message: TabMessage) => void) {
    this.channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("optiq-lab");
    this.channel?.addEventListener("message", (event: MessageEvent<TabMessage>) => hear(event.data));
  }

  tell(message: TabMessage): void {
    this.channel?.postMessage(message);
  }
}
