import { signal } from "@preact/signals";

import { messageOf } from "../api/errors";

const shown = signal<string | null>(null);

/** What went wrong with the user's last action, beside the composer until the next one. */
export const notice = {
  shown,
  /** True where the action did what it should. */
  guard(action: () => void): boolean {
    shown.value = null;
    try {
      action();
      return true;
    } catch (error) {
      shown.value = messageOf(error);
      return false;
    }
  },
};
