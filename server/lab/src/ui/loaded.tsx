import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import { reachable } from "../api/connection";
import { messageOf } from "../api/errors";

type Answer<T> = { state: "waiting" } | { state: "here"; value: T } | { state: "failed"; message: string };

interface LoadedProps<T> {
  load: () => Promise<T>;
  children: (value: T) => ComponentChildren;
}

/** What one request answers, or why it did not; asked again when the server is back. */
export function Loaded<T>({ load, children }: LoadedProps<T>) {
  const [answer, setAnswer] = useState<Answer<T>>({ state: "waiting" });
  const [tries, setTries] = useState(0);
  const here = reachable.value;
  useEffect(() => {
    let stale = false;
    load().then(
      (value) => !stale && setAnswer({ state: "here", value }),
      (error: unknown) => !stale && setAnswer({ state: "failed", message: messageOf(error) }),
    );
    return () => {
      stale = true;
    };
  }, [tries, here]);
  if (answer.state === "here") return <>{children(answer.value)}</>;
  if (answer.state === "waiting") return <p class="muted">Loading…</p>;
  return (
    <div class="notice bad" role="alert">
      <p>{answer.message}</p>
      <button type="button" onClick={() => setTries(tries + 1)}>
        Try again
      </button>
    </div>
  );
}
