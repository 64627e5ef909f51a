"""Model, live, tokens, connect and jobs show what the server says."""

import json
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, expect

from tests.lab.lab import Lab, new_lab
from tests.lab.servers import Server
from tests.quant.speaking_llama import letters, speaking_llama

pytestmark = [pytest.mark.mlx, pytest.mark.slow]


def test_the_heat_map_is_walked_by_keys_and_tells_each_unit(lab: Lab) -> None:
    model = httpx.get(f"{lab.url}/v1/lab/model").json()
    lab.open("model")
    grid = lab.page.get_by_role("grid", name="Bits by role and layer")
    in_layers = [unit for unit in model["units"] if unit["layer"] is not None]
    expect(grid.locator("td[class^=shade]")).to_have_count(len(in_layers))

    grid.get_by_role("gridcell").first.focus()
    lab.page.keyboard.press("End")

    last = max(unit["layer"] for unit in in_layers)
    expect(grid.locator(":focus")).to_have_attribute("data-place", f"0-{last}")
    expect(lab.page.locator(".heat figcaption")).to_contain_text(f".{last}.")


def test_a_running_request_is_seen_and_cancelled(context: BrowserContext, endless: Server) -> None:
    lab, other = new_lab(context, endless.url), new_lab(context, endless.url)
    other.open()
    other.ask("Go on")
    expect(other.replies.last.locator(".markdown")).not_to_be_empty()
    lab.open("live")

    lab.page.get_by_role("button", name="Cancel req_").click()

    expect(lab.page.get_by_text("None at the moment.")).to_be_visible()
    other.wait()


def test_a_rendered_prompt_has_the_tokens_of_the_server(lab: Lab) -> None:
    messages = [{"role": "user", "content": "Hi <|end|> there"}]
    tokens = httpx.post(f"{lab.url}/tokenize", json={"messages": messages}).json()["tokens"]
    lab.open("tokens")
    lab.page.get_by_role("textbox", name="What is inspected").fill(json.dumps(messages))

    lab.page.get_by_role("button", name="Inspect").click()

    expect(lab.page.get_by_role("heading", name=f"{len(tokens)} tokens")).to_be_visible()
    expect(lab.page.locator("[data-index]")).to_have_count(len(tokens))


def test_faults_of_a_malformed_reply_are_told(lab: Lab) -> None:
    lab.open("tokens")
    lab.page.get_by_label("Harmony text").check()
    box = lab.page.get_by_role("textbox", name="What is inspected")
    box.fill("<|channel|>analysis<|message|>17<|channel|>final<|message|>42<|return|>")

    lab.page.get_by_role("button", name="Inspect").click()

    expect(lab.page.locator(".faults li")).not_to_have_count(0)


def test_snippets_name_this_server(lab: Lab) -> None:
    lab.open("connect")
    clients = httpx.get(f"{lab.url}/v1/lab/connect").json()["clients"]
    expect(lab.page.get_by_role("list", name="Clients").get_by_role("button")).to_have_count(len(clients))

    lab.page.get_by_role("button", name="Codex").click()

    expect(lab.page.locator(".client")).to_contain_text(lab.url)


def test_a_job_that_cannot_start_says_why(lab: Lab) -> None:
    lab.open("jobs")
    lab.page.get_by_role("button", name="Start quantizing").click()

    expect(lab.page.get_by_role("alert")).to_contain_text("The checkpoint is missing.")


def test_a_checkpoint_is_quantized_and_its_plan_stands_in_the_plot(lab: Lab, tmp_path: Path) -> None:
    source, text = speaking_llama(tmp_path / "llama"), letters(tmp_path / "letters.txt", 2100)
    lab.open("jobs")
    for field, value in (
        ("Checkpoint", source),
        ("Result goes to", tmp_path / "out"),
        ("Calibration text", text),
        ("Bits per weight", "6"),
    ):
        lab.page.get_by_role("textbox", name=field).fill(str(value))
    lab.page.get_by_role("button", name="Start quantizing").click()
    job = lab.page.get_by_role("listitem", name="Quantize")
    expect(job.get_by_role("button", name="Result")).to_be_visible(timeout=90_000)

    job.get_by_role("button", name="Result").click()

    expect(job.get_by_role("img", name="KL divergence against bytes")).to_contain_text("this checkpoint")
    expect(job.get_by_role("region", name="Allocations")).to_contain_text("measured")
    assert (tmp_path / "out" / "model.safetensors").exists()


def test_an_evaluation_is_started_watched_and_read(lab: Lab) -> None:
    lab.open("jobs")
    lab.page.get_by_role("radio", name="Evaluate").click()
    lab.page.get_by_label("Items of each suite").fill("2")
    lab.page.get_by_role("button", name="Start evaluating this server").click()
    job = lab.page.get_by_role("listitem", name="Evaluate pocket")
    expect(job.get_by_role("button", name="Result")).to_be_visible(timeout=60_000)

    job.get_by_role("button", name="Result").click()

    told, *_ = httpx.get(f"{lab.url}/v1/lab/jobs").json()["jobs"]
    assert told["progress"] == {"phase": "pocket", "done": 2, "total": 2, "seconds_left": 0}
    expect(job.get_by_role("region", name="Accuracy")).to_contain_text("2 items")
