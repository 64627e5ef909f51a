import { useRef, useState } from "preact/hooks";

import { getText, request } from "../api/connection";
import { messageOf } from "../api/errors";
import type { RunningRequest, Status } from "../api/types";
import { readStatus, status } from "../status";
import { announce } from "../ui/announce";
import { bytes, count, seconds } from "../ui/format";
import { usePolling } from "../ui/polling";
import { Page } from "../ui/page";
import { KEPT, type Look, readMetrics, type Sample, sampleOf, type Totals, totalsOf } from "./history";
import { Sparkline } from "./sparkline";

export default function LiveView() {
  const before = useRef<Look | null>(null);
  const [samples, setSamples] = useState<Sample[]>([]);
  usePolling(async () => {
    const [metrics] = await Promise.all([getText("/metrics", { quiet: true }).catch(() => ""), readStatus()]);
    const seen = status.peek();
    if (!seen || !metrics) return;
    const look = { at: performance.now(), status: seen, totals: totalsOf(readMetrics(metrics)) };
    const sample = sampleOf(before.current, look);
    before.current = look;
    setSamples((kept) => [...kept, sample].slice(-KEPT));
  }, 1000);
  const now = status.value;
  return (
    <Page title="Live" beside={now && <span class={`state ${now.state}`}>{now.state}</span>}>
      {now && before.current ? (
        <Board now={now} totals={before.current.totals} samples={samples} />
      ) : (
        <p class="muted">Waiting for the server’s first figures…</p>
      )}
    </Page>
  );
}

function Board({ now, totals, samples }: { now: Status; totals: Totals; samples: Sample[] }) {
  const last = samples.at(-1);
  const firsts = samples.flatMap(({ firstTokenSeconds }) => firstTokenSeconds ?? []);
  const share = totals.promptTokens ? Math.round((totals.cachedTokens / totals.promptTokens) * 100) : 0;
  return (
    <>
      <div class="charts">
        <Chart
          name="Tokens per second"
          value={(last?.tokensPerSecond ?? 0).toFixed(0)}
          values={samples.map((each) => each.tokensPerSecond)}
          note="all replies together"
        />
        <Chart
          name="Time to first token"
          value={firsts.length ? seconds(firsts.at(-1) ?? 0) : "–"}
          values={firsts}
          note={
            totals.firstTokens
              ? `mean since start ${seconds(totals.firstTokenSeconds / totals.firstTokens)}`
              : "no reply yet"
          }
        />
        <Chart
          name="Batch"
          value={`${now.running.length} of ${now.limits.max_running}`}
          values={samples.map((each) => each.running)}
          note="replies that run"
        />
        <Chart
          name="Queue"
          value={`${now.queue.waiting} of ${now.queue.limit}`}
          values={samples.map((each) => each.waiting)}
          note="requests that wait"
        />
        <Chart
          name="Cache"
          value={`${bytes(now.cache.bytes)} of ${bytes(now.cache.capacity_bytes)}`}
          values={samples.map((each) => each.cacheBytes)}
          note={`${count(totals.cacheHits)} hits, ${share} % of prompt tokens`}
        />
        <Chart
          name="Memory"
          value={bytes(now.memory.active_bytes)}
          values={samples.map((each) => each.memoryBytes)}
          note={`at most ${bytes(now.memory.peak_bytes)}`}
        />
      </div>
      <section aria-labelledby="running">
        <h2 id="running">Running requests</h2>
        {now.running.length ? <Running running={now.running} /> : <p class="muted">None at the moment.</p>}
      </section>
      <p class="fine">
        Version {now.version}, up for {seconds(now.uptime_seconds)}. The charts show two minutes at most.
      </p>
    </>
  );
}

function Chart({
  name,
  value,
  values,
  note,
}: {
  name: string;
  value: string;
  values: number[];
  note: string;
}) {
  return (
    <section class="chart" aria-label={name}>
      <h2>{name}</h2>
      <p class="big">{value}</p>
      <Sparkline values={values} />
      <p class="fine">{note}</p>
    </section>
  );
}

function Running({ running }: { running: RunningRequest[] }) {
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label="Running requests">
      <table>
        <thead>
          <tr>
            <th scope="col">Request</th>
            <th scope="col" class="number">
              Age
            </th>
            <th scope="col" class="number">
              Prompt
            </th>
            <th scope="col" class="number">
              Cached
            </th>
            <th scope="col" class="number">
              Written
            </th>
            <th scope="col">
              <span class="unseen">Cancel</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {running.map((each) => (
            <Row key={each.request_id} running={each} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ running }: { running: RunningRequest }) {
  const [said, say] = useState<string | null>(null);
  const cancel = async (): Promise<void> => {
    say("Cancelling…");
    try {
      await request(`/v1/requests/${encodeURIComponent(running.request_id)}/cancel`, { method: "POST" });
      announce("Cancelled.");
    } catch (error) {
      say(messageOf(error));
    }
  };
  return (
    <tr>
      <th scope="row">
        <code>{running.request_id}</code>
      </th>
      <td class="number">{seconds(running.age_seconds)}</td>
      <td class="number">
        {running.computed_tokens < running.prompt_tokens && `${count(running.computed_tokens)} of `}
        {count(running.prompt_tokens)}
      </td>
      <td class="number">{count(running.cached_tokens)}</td>
      <td class="number">{count(running.completion_tokens)}</td>
      <td>
        <button
          type="button"
          disabled={said !== null}
          aria-label={`Cancel ${running.request_id}`}
          onClick={() => void cancel()}
        >
          {said ?? "Cancel"}
        </button>
      </td>
    </tr>
  );
}
