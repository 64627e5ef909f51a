import { copyText } from "../ui/clipboard";
import { highlight } from "./highlight";
import { sanitise, sanitiseMath } from "./sanitise";

/** Makes code and formulas of a finished block look like what they are. Their libraries are loaded when needed. */
export function decorate(root: HTMLElement): void {
  root.querySelectorAll<HTMLElement>("pre > code").forEach(decorateCode);
  root.querySelectorAll<HTMLElement>(".math").forEach((element) => void decorateMath(element));
  root.querySelectorAll("table").forEach((table) => {
    const frame = document.createElement("div");
    frame.className = "table-frame";
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", "Table");
    table.replaceWith(frame);
    frame.append(table);
  });
}

function decorateCode(code: HTMLElement): void {
  const language = /language-([\w+#-]+)/.exec(code.className)?.[1]?.toLowerCase() ?? "";
  const text = code.textContent;
  const pre = code.parentElement;
  if (!pre) return;
  const frame = document.createElement("div");
  frame.className = "code-frame";
  pre.replaceWith(frame);
  frame.append(codeHead(language, text), pre);
  pre.tabIndex = 0;
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", language ? `Code, ${language}` : "Code");
  void highlight(text, language).then((html) => {
    if (html !== null) code.replaceChildren(sanitise(html));
  });
}

function codeHead(language: string, text: string): HTMLElement {
  const head = document.createElement("div");
  head.className = "code-head";
  const label = document.createElement("span");
  label.textContent = language || "text";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Copy";
  button.addEventListener("click", () => {
    void copyText(text).then((copied) => {
      button.textContent = copied ? "Copied" : "Could not copy";
      setTimeout(() => (button.textContent = "Copy"), 1600);
    });
  });
  head.append(label, button);
  return head;
}

async function decorateMath(element: HTMLElement): Promise<void> {
  const source = element.textContent;
  const { default: temml } = await import("temml");
  const displayMode = element.classList.contains("display");
  const html = temml.renderToString(source, { displayMode, throwOnError: false, annotate: false });
  element.replaceChildren(sanitiseMath(html));
}
