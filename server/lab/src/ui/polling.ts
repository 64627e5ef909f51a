import { useEffect } from "preact/hooks";

/** Calls `ask` now and then every so often, one at a time, while the component is there and the page is seen. */
export function usePolling(ask: () => Promise<void>, milliseconds: number, key: unknown = null): void {
  useEffect(() => {
    let stopped = false;
    let timer = 0;
    const turn = async (): Promise<void> => {
      if (!document.hidden) await ask();
      if (!stopped) timer = window.setTimeout(() => void turn(), milliseconds);
    };
    void turn();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [milliseconds, key]);
}
