/** Of text that still grows, only what follows the last finished block is read again. */
export interface Block {
  raw: string;
  /** Nothing that comes later changes it. */
  final: boolean;
}

/** A block longer than this is not read as markdown: a line of a megabyte would stop the page. */
export const LONGEST_BLOCK = 40_000;

export class BlockSplitter {
  private readonly lex: (text: string) => { raw: string }[];
  private finished: Block[] = [];
  private consumed = 0;
  private source = "";

  constructor(lex: (text: string) => { raw: string }[]) {
    this.lex = lex;
  }

  /** The blocks of a text. Quick where it only grew since the last call; read as a whole when it has ended. */
  split(text: string, ended: boolean): Block[] {
    if (ended || !text.startsWith(this.source)) {
      this.finished = [];
      this.consumed = 0;
    }
    this.source = text;
    return this.tail(ended);
  }

  private tail(ended: boolean): Block[] {
    const tail = this.source.slice(this.consumed);
    if (tail.length > LONGEST_BLOCK && !tail.slice(0, LONGEST_BLOCK).includes("\n\n"))
      return this.long(tail, ended);
    const raws = this.lex(tail).map(({ raw }) => raw);
    // An empty line does not end a list: what comes next may belong to it.
    const open = raws.findLastIndex((raw) => raw.trim() !== "");
    for (const raw of raws.slice(0, Math.max(0, open))) this.finish(raw);
    const last = raws.slice(Math.max(0, open)).join("");
    return last.trim() ? [...this.finished, { raw: last, final: ended }] : this.finished;
  }

  private finish(raw: string): void {
    this.consumed += raw.length;
    if (raw.trim()) this.finished = [...this.finished, { raw, final: true }];
  }

  /** A tail without an empty line in reach: one block up to the next empty line. */
  private long(tail: string, ended: boolean): Block[] {
    const end = tail.indexOf("\n\n", LONGEST_BLOCK);
    if (end < 0) return [...this.finished, { raw: tail, final: ended }];
    this.finish(tail.slice(0, end + 2));
    return this.tail(ended);
  }
}
