/** Server-sent events out of text in any split (WHATWG HTML, 9.2.6). Knows nothing of what the data means. */
export class EventSplitter {
  private buffer = "";
  private data: string[] = [];

  /** The data of each event that is complete now; comments and other fields are left out. */
  feed(text: string): string[] {
    this.buffer += text;
    const events: string[] = [];
    let start = 0;
    for (let end = this.lineEnd(start); end >= 0; end = this.lineEnd(start)) {
      const event = this.line(this.buffer.slice(start, end));
      if (event !== null) events.push(event);
      start = end + (this.buffer.startsWith("\r\n", end) ? 2 : 1);
    }
    this.buffer = this.buffer.slice(start);
    return events;
  }

  /** The end of a line, or -1; a CR that is last may be half of a CRLF, so it waits. */
  private lineEnd(from: number): number {
    for (let at = from; at < this.buffer.length; at++) {
      const code = this.buffer.charCodeAt(at);
      if (code === 10) return at;
      if (code === 13) return at + 1 < this.buffer.length ? at : -1;
    }
    return -1;
  }

  private line(line: string): string | null {
    if (line === "") {
      const event = this.data.length ? this.data.join("\n") : null;
      this.data = [];
      return event;
    }
    if (line.startsWith("data:")) this.data.push(line.slice(line[5] === " " ? 6 : 5));
    return null;
  }
}
