import { Lexer, Marked, type RendererThis, type TokenizerAndRendererExtension, type Tokens } from "marked";

const escapes: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character] ?? character);
}

/** Tags that stand for themselves when a model writes them; all others are shown as the text that they are. */
const PLAIN_TAG = /^<\/?(?:br|sub|sup|kbd|mark)\s*\/?>$/i;

function math(name: string, start: RegExp, whole: RegExp, display: boolean): TokenizerAndRendererExtension {
  return {
    name,
    level: display ? "block" : "inline",
    start: (source) => source.match(start)?.index,
    tokenizer(source) {
      const match = whole.exec(source);
      return match ? { type: name, raw: match[0], text: (match[1] ?? match[2] ?? "").trim() } : undefined;
    },
    renderer: (token) => {
      const tag = display ? "div" : "span";
      return `<${tag} class="math${display ? " display" : ""}">${escapeHtml(String(token["text"]))}</${tag}>`;
    },
  };
}

const extensions = [
  math("displayMath", /\$\$|\\\[/, /^(?:\$\$([^$]+?)\$\$|\\\[([\s\S]+?)\\\])(?:\n|$)/, true),
  // A price is no formula: no blank behind the first dollar or before the last, no digit behind the last.
  math("inlineMath", /\$|\\\(/, /^(?:\$([^\s$](?:[^$\n]*[^\s$])?)\$(?!\d)|\\\(([^\n]+?)\\\))/, false),
];

function link(this: RendererThis, { href, title, tokens }: Tokens.Link): string {
  const text = this.parser.parseInline(tokens);
  if (!/^(?:https?:|mailto:)/i.test(href)) return text;
  const titled = title ? ` title="${escapeHtml(title)}"` : "";
  return `<a href="${escapeHtml(href)}"${titled}>${text}</a>`;
}

/** An image is never fetched: who serves it would learn that it was looked at. */
function image({ href, text }: Tokens.Image): string {
  const label = `image: ${escapeHtml(text || href)}`;
  return /^https?:/i.test(href) ? `<a href="${escapeHtml(href)}">[${label}]</a>` : `[${label}]`;
}

/** Markdown as models write it: GitHub's, with math, and without HTML. */
export const markdown = new Marked({
  gfm: true,
  extensions,
  renderer: {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => (PLAIN_TAG.test(text.trim()) ? text : escapeHtml(text)),
    image,
    link,
  },
});

/** The blocks of a text, without reading what is inside them. */
export function blocksOf(text: string): { raw: string }[] {
  return new Lexer(markdown.defaults).blockTokens(text, []);
}
