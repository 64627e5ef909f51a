import { memo } from "preact/compat";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { type Block, BlockSplitter, LONGEST_BLOCK } from "./blocks";
import { decorate } from "./decorate";
import { blocksOf, markdown } from "./grammar";
import { sanitise } from "./sanitise";

/** What is shown of a block that is too long, until all of it is asked for. */
const SHOWN_OF_LONG = 20_000;

/** A model's text. Blocks that are finished are never touched again while the rest is written. */
export function Markdown({ text, ended }: { text: string; ended: boolean }) {
  const [splitter] = useState(() => new BlockSplitter(blocksOf));
  const blocks = splitter.split(text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text, ended);
  return (
    <div class="markdown">
      {blocks.map((block, index) =>
        block.raw.length > LONGEST_BLOCK ? (
          <LongBlock key={index} raw={block.raw} />
        ) : (
          <BlockView key={index} raw={block.raw} final={block.final} />
        ),
      )}
    </div>
  );
}

const BlockView = memo(function BlockView({ raw, final }: Block) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!element.current) return;
    element.current.replaceChildren(sanitise(markdown.parse(raw, { async: false })));
    if (final) decorate(element.current);
  }, [raw, final]);
  return <div class="block" ref={element} />;
});

function LongBlock({ raw }: { raw: string }) {
  const [all, showAll] = useState(false);
  return (
    <div class="long-block">
      <pre tabIndex={0} role="region" aria-label="Long text">
        {all ? raw : raw.slice(0, SHOWN_OF_LONG)}
      </pre>
      {!all && (
        <button type="button" onClick={() => showAll(true)}>
          Show all {raw.length.toLocaleString("en")} characters
        </button>
      )}
    </div>
  );
}
