// What was asked, what was answered, and why: live, newest first.

import { badge, copied, facts, part, say, tags } from "./draw.js";
import { json } from "./json.js";
import * as log from "./log.js";
import { go, link, read, stay, world } from "./place.js";
import { Rows } from "./rows.js";
import { ask, get, keyOf, path } from "./sandbox.js";
import { time, way } from "./words.js";

const { a, bdi, button, code, div, h2, h3, output, p, section, span } = tags;

export class Requests {
	constructor(root) {
		this.at = (name) => root.querySelector(name);
		this.filter = this.at("[name=filter]");
		this.only = this.at("[name=only]");
		this.rows = new Rows(this.at(".rows"), "Requests, newest first", (entry) => this.#link(entry), cells);
		for (const field of [this.filter, this.only]) field.addEventListener("input", () => this.#filtered());
		this.at(".forget").addEventListener("click", () => this.#forget());
	}

	json({ parts: [id], query }) {
		if (id) return path(`requests/${encodeURIComponent(id)}`);
		return path("requests", query.get("only") ? {} : { world: "all" });
	}

	async update({ parts: [id], query }) {
		if (document.activeElement !== this.filter) this.filter.value = query.get("filter") ?? "";
		this.only.checked = query.get("only");
		this.chosen = id;
		this.requests();
		const entry = id && (await get(`requests/${encodeURIComponent(id)}`));
		if (id === this.chosen) part(this.at(".detail"), [entry, keyOf()], () => (entry ? this.#shown(entry) : this.#nothing()));
	}

	requests() {
		const found = log.filtered(this.filter.value, this.only.checked && world());
		const all = log.all().length;
		this.at(".count").textContent = found.length === all ? all : `${found.length} of ${all}`;
		this.at(".rows").hidden = !found.length;
		this.at(".none-yet").hidden = all;
		this.at(".none-found").hidden = found.length || !all;
		this.at(".try").textContent = `curl -u ${keyOf()}: ${location.origin}/v1/customers`;
		this.rows.show(found, this.chosen);
		if (!this.chosen) part(this.at(".detail"), log.all().find(({ rule }) => rule)?.id, () => this.#nothing());
	}

	#asked() {
		return { filter: this.filter.value, only: this.only.checked ? "1" : "" };
	}

	#link({ id, world: of }) {
		return link("requests", [id], { world: of, ...this.#asked() });
	}

	#filtered() {
		stay(link("requests", read().parts, this.#asked()));
		this.requests();
	}

	async #forget() {
		await ask("DELETE", path("requests"));
		await log.load();
		this.requests();
		say("Forgotten.");
	}

	#nothing() {
		const refused = log.all().find(({ rule }) => rule);
		return [
			p.empty("Choose a request to see what was answered, and why."),
			refused && p("Refused last: ", a({ href: this.#link(refused) }, `${refused.method} ${refused.uri}`), ` by ${refused.rule}`),
		];
	}

	#shown(entry) {
		const asked = new URL(entry.uri, location.origin);
		const key = keyOf();
		const line = code.curl({}, key ? entry.curl.replace('"$KEY:"', `${key}:`) : entry.curl);
		const said = output.said();
		const replay = button.quiet({ click: () => this.#replay(entry, said) }, "Replay");
		const query = [...asked.searchParams];
		return [
			h2({ tabindex: -1 }, `${entry.method} `, bdi({}, asked.pathname)),
			p.outcome(badge(way(entry.status), status(entry)), ` ${duration(entry)} · ${time(entry.at)} · world ${entry.world}`),
			why(entry),
			div.bar(copied(line, "Copy as curl"), replay, said),
			div.sides(
				section(h3("Request"), query.length && facts(query), sent(entry.body, "The request", "No body was sent.")),
				section(h3("Answer"), sent(entry.answer, "The answer", "The answer has no body.")),
			),
			h3("The same from a shell"),
			line,
			facts([["request", entry.id], ["operation", entry.operation]]),
		];
	}

	async #replay({ id }, said) {
		try {
			const { request } = await ask("POST", path(`requests/${encodeURIComponent(id)}/replay`));
			log.add([request]);
			go(this.#link(request));
			said.textContent = "";
			say(`Replayed: ${status(request)}.`);
		} catch (problem) {
			say((said.textContent = problem.message));
		}
	}
}

function cells(entry) {
	return [
		span.method({}, entry.method),
		span.path({ title: entry.uri }, bdi({}, entry.uri)),
		badge(way(entry.status), [status(entry), entry.rule && ` ${entry.rule}`]),
		span.ms({}, duration(entry)),
		span.world({}, entry.world),
	];
}

const status = (entry) => `${entry.status ?? "no answer"}`;
const duration = ({ milliseconds: ms }) => (ms === null ? "under way" : `${ms.toFixed(1)} ms`);

function why({ refused, answer, status: answered, fault }) {
	if (!refused && answered !== null && !fault) return null;
	const broken = answered === null ? "The connection was broken: nobody got an answer." : "It went through, with a fault.";
	const says = refused ? answer?.description?.replace(/ Your request id is \S+$/, "") : broken;
	return section.reason(
		{ class: way(answered), "aria-label": "Why" },
		h3({}, refused ? `Refused by the rule ${refused.rule}` : "A fault had a hand in this"),
		p({}, says),
		facts([
			["field", refused?.field],
			["expected", refused?.expected === says ? null : refused?.expected],
			["got", refused?.field && JSON.stringify(refused.got)],
			["reference", refused?.reference],
			["fault", fault && JSON.stringify(fault)],
		]),
	);
}

const sent = (body, label, nothing) => (body === null ? p.empty(nothing) : json(body, label));
