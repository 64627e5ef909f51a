import { useState } from "preact/hooks";

import { answerKeyRequest, keyRequest } from "./api/connection";
import { Dialog } from "./ui/dialog";

/** Asks for the server's key. It is kept in this page's memory, and gone with a reload. */
export function KeyDialog() {
  const [key, setKey] = useState("");
  const asked = keyRequest.value;
  if (!asked) return null;
  return (
    <Dialog title="API key" onClose={() => answerKeyRequest(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!key) return;
          answerKeyRequest(key);
          setKey("");
        }}
      >
        <p>
          This server was started with a key. It stays in this page’s memory until you close or reload it.
        </p>
        {asked.refused && (
          <p class="notice bad" role="alert">
            That key was refused.
          </p>
        )}
        <input
          type="password"
          autocomplete="off"
          aria-label="API key"
          value={key}
          autoFocus
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <div class="row end">
          <button type="submit" class="primary">
            Continue
          </button>
        </div>
      </form>
    </Dialog>
  );
}
