import { signal } from "@preact/signals";

/** What screen readers are told next, when they have finished what they say. */
export const announcement = signal("");

export function announce(text: string): void {
  // The same text twice is no change, and would not be read.
  announcement.value = text === announcement.peek() ? text + "\u00a0" : text;
}

/** Gives a growing text away by whole sentences, so that a reader is not interrupted by each word. */
export class SentenceTeller {
  private told = 0;

  /** The sentences that are new and whole; at the end, all that is left. */
  next(text: string, ended: boolean): string {
    const fresh = text.slice(this.told);
    const end = ended ? fresh.length : lastSentenceEnd(fresh);
    this.told += end;
    return fresh.slice(0, end).trim();
  }
}

function lastSentenceEnd(text: string): number {
  let end = 0;
  for (const match of text.matchAll(/[.!?:]\s|\n/g)) end = match.index + match[0].length;
  return end;
}
