import { useEffect, useState } from "preact/hooks";

import { keyRequest, reachable } from "./api/connection";
import { locked, readStatus, status } from "./status";

/** How long “the server is back” stays. */
const BACK_MS = 4000;

/** What stands between the user and the server, while something does. */
export function Banner() {
  const [back, setBack] = useState(false);
  const here = reachable.value;
  const [wasAway, setAway] = useState(false);
  useEffect(() => {
    if (!here) {
      setAway(true);
      const timer = setInterval(() => void readStatus(), 1000);
      return () => clearInterval(timer);
    }
    if (!wasAway) return undefined;
    setAway(false);
    setBack(true);
    const timer = setTimeout(() => setBack(false), BACK_MS);
    return () => clearTimeout(timer);
  }, [here]);
  return (
    <div role="status" aria-live="polite" class="banner-place">
      <Message here={here} back={back} />
    </div>
  );
}

function Message({ here, back }: { here: boolean; back: boolean }) {
  if (!here) {
    return (
      <p class="banner bad">
        <span class="grow">The server does not answer. Nothing is lost; trying again every second.</span>
        <button type="button" onClick={() => void readStatus()}>
          Try now
        </button>
      </p>
    );
  }
  if (locked.value && !keyRequest.value) {
    return (
      <p class="banner">
        <span class="grow">This server wants its API key.</span>
        <button type="button" onClick={() => void readStatus()}>
          Give the key
        </button>
      </p>
    );
  }
  const state = status.value?.state;
  if (state === "loading") return <p class="banner">The model is loading.</p>;
  if (state === "draining" || state === "stopped") return <p class="banner">The server is going away.</p>;
  if (state === "failed") return <p class="banner bad">The engine has failed; the server’s log tells why.</p>;
  return back ? <p class="banner good">The server is back.</p> : null;
}
