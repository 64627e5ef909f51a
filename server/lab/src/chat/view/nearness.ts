/** How far beyond the screen turns are drawn. */
const MARGIN = "1500px 0px";

/** Tells rows whether they are near what is seen of `scroller`. */
export class Nearness {
  private readonly observer: IntersectionObserver;
  private readonly listeners = new Map<Element, (near: boolean) => void>();

  constructor(scroller: Element) {
    this.observer = new IntersectionObserver((entries) => this.hear(entries), {
      root: scroller,
      rootMargin: MARGIN,
    });
  }

  private hear(entries: IntersectionObserverEntry[]): void {
    for (const entry of entries) this.listeners.get(entry.target)?.(entry.isIntersecting);
  }

  watch(row: Element, listener: (near: boolean) => void): () => void {
    this.listeners.set(row, listener);
    this.observer.observe(row);
    return () => {
      this.listeners.delete(row);
      this.observer.unobserve(row);
    };
  }
}
