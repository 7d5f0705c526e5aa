// Time, trouble and the state of a world, in the reader's hands.

import { badge, part, table, tags } from "./draw.js";
import { form, press } from "./lever.js";
import { link } from "./place.js";
import { get, path } from "./sandbox.js";
import { time } from "./words.js";

const { a, bdi, code, div, option, p, strong } = tags;

// Each with an example.
const DOES = { decline: "card-declined", status: 500, status_after_commit: 500, delay_ms: 800, drop: "after", bank: "fails", duplicate_delivery: true };

export class Levers {
	constructor(root) {
		this.at = (name) => root.querySelector(name);
		this.fault = this.at(".fault");
		const { does, value } = this.fault.elements;
		does.append(...Object.keys(DOES).map((name) => option({}, name)));
		does.addEventListener("input", () => (value.value = DOES[does.value]));
		const rule = () => this.#rule();
		this.lines = [...root.querySelectorAll("form")].map((one) => form(one, one === this.fault ? { body: rule } : {}));
	}

	json() {
		return path("faults");
	}

	async update() {
		const levers = ["clock", "faults", "checkpoints", "coverage"];
		const [clock, faults, checkpoints, { operations }] = await Promise.all(levers.map((lever) => get(lever)));
		const names = checkpoints.items.map(({ name }) => name);
		part(this.at(".now"), clock, () => [strong(time(clock.now)), " ", badge("waiting", clock.running ? "running" : "frozen")]);
		part(this.at(".due"), clock.due, () => due(clock.due));
		part(this.at(".faults"), faults, () => waiting(faults.items));
		part(this.at(".checkpoints"), checkpoints, () => this.#kept(checkpoints.items));
		part(this.at("#operations"), operations, () => Object.keys(operations).map((name) => option({ value: name })));
		part(this.at("[name=to]"), names, () => [...new Set(["fixtures", "empty", ...names])].map((name) => option({}, name)));
		this.at(".dump").href = path("dump");
		for (const write of this.lines) write();
	}

	#rule() {
		const { operation, amount, does, value, times } = this.fault.elements;
		const on = { operation: operation.value || undefined, amount: amount.value ? { ">=": +amount.value } : undefined };
		const rule = { on, do: { [does.value]: plain(value.value) }, times: +times.value || undefined };
		this.at(".rule").textContent = JSON.stringify(rule, null, 2);
		return rule;
	}

	#kept(items) {
		const rows = items.map(({ name, at }) => {
			const place = `checkpoints/${encodeURIComponent(name)}`;
			const then = (found) => this.#changes(name, found);
			const forget = !["fixtures", "empty"].includes(name) && press("Forget", "DELETE", place, { sure: true });
			const levers = [press("Restore", "POST", `${place}/restore`, { sure: true }), press("Diff", "GET", `${place}/diff`, { then }), forget];
			return [bdi({}, name), time(at), div.bar(levers)];
		});
		return table("Checkpoints", ["name", "at", "levers"], rows, "No checkpoint yet. Save one before you go on.");
	}

	#changes(since, found) {
		const rows = Object.entries(found).flatMap(([kind, changes]) => Object.entries(changes).flatMap(([what, ids]) =>
			ids.map((id) => [kind, what, what === "removed" ? id : a({ href: link("records", [kind, id]) }, id)])));
		part(this.at(".difference"), [since, found], () =>
			table(`What changed since ${since}`, ["kind", "what", "id"], rows, `Nothing has changed since ${since}.`));
	}
}

const plain = (text) => (/^(\d+|true)$/.test(text) ? JSON.parse(text) : text);

function due(items) {
	const rows = items.slice(0, 10).map(({ duty, record, at }) => [time(at), duty, record]);
	return table("What is due next", ["at", "duty", "record"], rows, "Nothing is due.");
}

function waiting(items) {
	if (!items.length) return p.empty("No fault waits for a request. Add one, and see what your client does.");
	const rows = items.map(({ id, on, do: does, times, fired }) =>
		[code({}, JSON.stringify({ on, do: does })), `${times ?? "always"}`, `${fired}`, press("Clear", "DELETE", `faults/${id}`)]);
	return [
		table("Faults: the first that fires is the one", ["rule", "times", "fired", "lever"], rows),
		press("Clear all faults", "DELETE", "faults"),
	];
}
