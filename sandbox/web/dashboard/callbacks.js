// Events on their way to callbacks: every attempt.

import { badge, choices, facts, part, tags } from "./draw.js";
import { json } from "./json.js";
import { form, press } from "./lever.js";
import { link } from "./place.js";
import { get, path } from "./sandbox.js";
import { standing, time, way } from "./words.js";

const { a, bdi, details, div, h2, h3, h4, li, ol, p, summary } = tags;

export class Callbacks {
	constructor(root) {
		this.at = (name) => root.querySelector(name);
		this.policy = this.at("form");
		this.write = form(this.policy);
	}

	json() {
		return path("deliveries");
	}

	async update({ parts }) {
		const levers = ["deliveries", "deliveries/policy", "records/callbacks"];
		const [{ items }, policy, callbacks] = await Promise.all(levers.map((lever) => get(lever)));
		const id = parts.join("/");
		const chosen = items.find((one) => one.id === id);
		part(this.at(".pull"), policy.capture, () => policy.capture && press("Take what was captured", "POST", "deliveries/pull"));
		part(this.at(".found"), [items, id, callbacks.total], () => list(items, id, callbacks.total));
		part(this.at(".detail"), chosen, () => (chosen ? shown(chosen) : p.empty("Choose a delivery to see every attempt.")));
		if (!this.policy.contains(document.activeElement)) this.#show(policy);
	}

	#show({ capture, reorder, drop }) {
		const { elements } = this.policy;
		elements.capture.checked = capture;
		elements.reorder.checked = reorder;
		elements.drop.value = drop.join(", ");
		this.write();
	}
}

function list(items, id, callbacks) {
	if (!items.length && callbacks) return p.empty("Nothing has happened yet.");
	if (!items.length) return p.empty("No callback is registered. POST a url to {marketplace_uri}/callbacks.");
	return choices("Deliveries, newest first", items.slice(-500).reverse().map((one) => ({
		href: link("callbacks", [one.event, one.callback]),
		chosen: one.id === id,
		title: one.type,
		status: badge(standing(one.status), one.status),
		below: [bdi({}, one.url), ` · ${one.attempts} of ${one.attempt_limit} attempts`],
	})));
}

function shown(one) {
	const lever = `deliveries/${encodeURIComponent(one.event)}/${encodeURIComponent(one.callback)}`;
	return [
		h2({ tabindex: -1 }, one.type, " ", badge(standing(one.status), one.status)),
		facts([
			["to", [`${one.method} `, bdi({}, one.url)]],
			["event", a({ href: link("records", ["events", one.event]) }, one.event)],
			["callback", a({ href: link("records", ["callbacks", one.callback]) }, one.callback)],
			["attempts", `${one.attempts} of at most ${one.attempt_limit}`],
			["copies", one.copies || null],
			["next try", one.next_try && time(one.next_try)],
		]),
		div.bar(
			press("Replay", "POST", `${lever}/replay`),
			press("Duplicate", "POST", `${lever}/duplicate`),
		),
		h3("Attempts"),
		one.log.length ? ol.attempts(one.log.map(attempt)) : p.empty("It has not been sent yet."),
	];
}

function attempt({ response_status: status, occurred_at, response_body, request_body }, i) {
	return li(
		h4(`Attempt ${i + 1} `, badge(way(status), status === null ? "no answer" : `${status}`)),
		facts([["at", time(occurred_at)], ["answer", response_body]]),
		request_body && details(summary("What was sent"), json(parsed(request_body), "What was sent")),
	);
}

function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}
