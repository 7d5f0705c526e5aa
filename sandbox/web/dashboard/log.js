// The requests of every world, newest first, in brief: the rest is asked for when looked at.

import { get } from "./sandbox.js";

const ASKED = 10_000; // entries the page begins with
const KEPT = 20_000; // entries it remembers, the oldest go first

let entries = [];
let known = new Set();

export const all = () => entries;

export async function load() {
	const { items } = await get("requests", { world: "all", brief: "true", limit: ASKED });
	entries = [];
	known = new Set();
	add(items);
}

/** Take in requests, oldest first, and return those that are new. */
export function add(answered) {
	const fresh = answered.filter(({ id }) => !known.has(id)).map(brief);
	for (const { id } of fresh) known.add(id);
	entries = [...fresh.reverse(), ...entries];
	for (const { id } of entries.splice(KEPT)) known.delete(id);
	return fresh;
}

/** Return the requests that have every word somewhere; three digits are a status. */
export function filtered(text, world) {
	const words = text.toLowerCase().split(/\s+/).filter(Boolean);
	if (!words.length && !world) return entries;
	const has = (one, word) => (/^\d{3}$/.test(word) ? `${one.status}` === word : one.words.includes(word));
	return entries.filter((one) => (!world || one.world === world) && words.every((word) => has(one, word)));
}

function brief({ id, world, method, uri, status, milliseconds, operation, refused }) {
	const words = [id, world, method, uri, status ?? "no answer", operation, refused?.rule, refused?.field];
	return { id, world, method, uri, status, milliseconds, rule: refused?.rule, words: words.join(" ").toLowerCase() };
}
