import { useEffect, useRef } from "preact/hooks";

import { highlight } from "../markdown/highlight";
import { sanitise } from "../markdown/sanitise";
import { CopyButton } from "./controls";

/** Code to copy, with colours where the language is known. */
export function Snippet({ code, language, label }: { code: string; language: string; label?: string }) {
  const element = useRef<HTMLElement>(null);
  useEffect(() => {
    let stale = false;
    if (element.current) element.current.textContent = code;
    void highlight(code, language).then((html) => {
      if (html !== null && !stale) element.current?.replaceChildren(sanitise(html));
    });
    return () => {
      stale = true;
    };
  }, [code, language]);
  return (
    <div class="code-frame">
      <div class="code-head">
        <span>{label ?? language}</span>
        <CopyButton text={() => code} />
      </div>
      <pre tabIndex={0} role="region" aria-label={`Code, ${label ?? language}`}>
        <code ref={element} />
      </pre>
    </div>
  );
}
