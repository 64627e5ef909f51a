import { getJson } from "../api/connection";
import type { LabModel } from "../api/types";
import { status } from "../status";
import { bytes, count } from "../ui/format";
import { Loaded } from "../ui/loaded";
import { Page } from "../ui/page";
import { fitsOf } from "./fit";
import { gridOf, sumsByRole } from "./grid";
import { HeatMap } from "./heat-map";
import { PlanTable } from "./plan-table";

export default function ModelView() {
  return (
    <Page title="Model">
      <Loaded load={() => getJson<LabModel>("/v1/lab/model")}>{(model) => <Sheet model={model} />}</Loaded>
    </Page>
  );
}

function Sheet({ model }: { model: LabModel }) {
  const grid = gridOf(model.units, model.layers);
  return (
    <>
      <section aria-label="In short">
        <h2 class="big">{model.id}</h2>
        <p class="muted">
          {model.architecture}, {model.layers} layers, from <code>{model.folder_name}</code>
        </p>
        <dl class="tiles">
          <Tile
            name="Weights"
            value={bytes(model.weight_bytes)}
            note={`${model.bits_per_weight.toFixed(2)} bits each`}
          />
          <Tile name="Context" value={count(model.context_length)} note="tokens" />
          <Tile name="Vocabulary" value={count(model.vocabulary_size)} note="tokens" />
          <Tile name="Context memory" value={bytes(model.kv_bytes_per_1000_tokens)} note="per 1,000 tokens" />
        </dl>
      </section>
      {grid.rows.length > 0 && (
        <section aria-labelledby="heat">
          <h2 id="heat">Bits by layer and role</h2>
          <HeatMap grid={grid} />
        </section>
      )}
      <section aria-labelledby="roles">
        <h2 id="roles">Units by role</h2>
        <Roles model={model} />
      </section>
      <section aria-labelledby="size">
        <h2 id="size">Size against uniform formats</h2>
        <Sizes model={model} />
      </section>
      <section aria-labelledby="memory">
        <h2 id="memory">Memory</h2>
        <Memory model={model} />
      </section>
      {model.plan !== null && <PlanTable plan={model.plan} />}
    </>
  );
}

function Tile({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong> <span class="muted">{note}</span>
      </dd>
    </div>
  );
}

function Roles({ model }: { model: LabModel }) {
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label="Units by role">
      <table>
        <thead>
          <tr>
            <th scope="col">Role</th>
            <th scope="col">Format</th>
            <th scope="col" class="number">
              Units
            </th>
            <th scope="col" class="number">
              Weights
            </th>
            <th scope="col" class="number">
              Bytes
            </th>
            <th scope="col" class="number">
              Read a token
            </th>
          </tr>
        </thead>
        <tbody>
          {sumsByRole(model.units).map((sum) => (
            <tr key={sum.role}>
              <th scope="row">{sum.role}</th>
              <td>{sum.formats}</td>
              <td class="number">{sum.units}</td>
              <td class="number">{count(sum.parameters)}</td>
              <td class="number">{bytes(sum.bytes)}</td>
              <td class="number">{bytes(sum.decodeBytes)}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">other</th>
            <td>norms, biases, sinks</td>
            <td />
            <td />
            <td class="number">{bytes(model.other_bytes)}</td>
            <td />
          </tr>
        </tbody>
      </table>
    </div>
  );
}

function Sizes({ model }: { model: LabModel }) {
  const rows = [{ name: "this checkpoint", bytes: model.weight_bytes, own: true }];
  rows.push(...model.baselines.map((each) => ({ ...each, own: false })));
  rows.sort((a, b) => a.bytes - b.bytes);
  const most = Math.max(...rows.map((row) => row.bytes));
  return (
    <ul class="bars">
      {rows.map((row) => (
        <li key={row.name} class={row.own ? "own" : ""}>
          <span>{row.name}</span>
          <span class="bar" style={{ width: `${(row.bytes / most) * 100}%` }} />
          <span class="number">{bytes(row.bytes)}</span>
        </li>
      ))}
    </ul>
  );
}

function Memory({ model }: { model: LabModel }) {
  const available = model.memory.available_bytes;
  const now = status.value?.memory;
  const fits = fitsOf(model.kv_bytes_per_1000_tokens, model.kv_window_bytes, model.context_length, available);
  return (
    <>
      <p>
        {now && `In use now: ${bytes(now.active_bytes)}, at most so far ${bytes(now.peak_bytes)}. `}
        {available !== null && `Left for contexts: ${bytes(available)}.`}
      </p>
      <div class="table-frame" tabIndex={0} role="region" aria-label="What contexts take">
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">
                Context
              </th>
              <th scope="col" class="number">
                Keys and values
              </th>
              <th scope="col">Fits beside the weights</th>
            </tr>
          </thead>
          <tbody>
            {fits.map((fit) => (
              <tr key={fit.tokens}>
                <th scope="row" class="number">
                  {count(fit.tokens)} tokens
                </th>
                <td class="number">{bytes(fit.bytes)}</td>
                <td>{fit.fits === null ? "not known" : fit.fits ? "yes" : "no"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
