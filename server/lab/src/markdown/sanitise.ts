import createDOMPurify from "dompurify";

const purifier = createDOMPurify(window);

const TEXT_TAGS = [
  "a",
  "blockquote",
  "br",
  "code",
  "del",
  "div",
  "em",
  "h1",
  "h2",
  "h3",
  "h4",
  "h5",
  "h6",
  "hr",
  "input",
  "kbd",
  "li",
  "mark",
  "ol",
  "p",
  "pre",
  "s",
  "span",
  "strong",
  "sub",
  "sup",
  "table",
  "tbody",
  "td",
  "th",
  "thead",
  "tr",
  "ul",
];

purifier.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
  if (node.nodeName === "INPUT") {
    node.setAttribute("disabled", "");
    node.setAttribute("aria-label", "task");
  }
});

/** Only what markdown can mean: no image, no script, no style, links to http, https and mailto. */
export function sanitise(html: string): DocumentFragment {
  return purifier.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    ALLOWED_TAGS: TEXT_TAGS,
    ALLOWED_ATTR: ["href", "title", "class", "align", "start", "type", "checked"],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}

/** MathML without styles: the page's policy forbids them in markup, and tells of each one that is parsed. */
export function sanitiseMath(html: string): DocumentFragment {
  return purifier.sanitize(html.replace(/ style="[^"]*"/g, ""), {
    RETURN_DOM_FRAGMENT: true,
    USE_PROFILES: { mathMl: true },
    FORBID_ATTR: ["style", "href"],
  });
}
