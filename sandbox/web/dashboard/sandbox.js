// The sandbox behind the page: its levers, asked as anyone can ask them.

import { query, world } from "./place.js";

export class Problem extends Error {
	constructor(status, { detail = `The sandbox answered ${status}.`, field }) {
		super(detail);
		Object.assign(this, { status, field });
	}
}

const TOKEN = "control-token";

// The token of a sandbox beyond loopback, else 1.
export const token = () => sessionStorage.getItem(TOKEN) ?? "1";

export const remember = (text) => sessionStorage.setItem(TOKEN, text);

export function path(lever, asked = {}, of = world()) {
	const said = query({ world: of === "default" ? "" : of, ...asked });
	return `/_sandbox/${lever}${said && `?${said}`}`;
}

// Throws `Problem`, also when there is no sandbox to ask.
export async function send(where, { method = "GET", body, ...more } = {}) {
	const headers = { "X-Sandbox-Control": token(), ...(body && { "Content-Type": "application/json" }), ...more };
	const sent = body === undefined || body instanceof Blob ? body : JSON.stringify(body);
	const answer = await fetch(where, { method, headers, body: sent, credentials: "omit" }).catch(() => {
		throw new Problem(0, { detail: "The sandbox does not answer. Is it running?" });
	});
	if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
	return answer;
}

export async function ask(method, where, body) {
	const text = await (await send(where, { method, body })).text();
	return text ? JSON.parse(text) : null;
}

export const get = (lever, asked, of) => ask("GET", path(lever, asked, of));

export const worlds = { items: [] };

export async function refresh() {
	worlds.items = (await get("worlds", {}, "default")).items;
}

// None for a world that is gone, or whose last key was deleted.
export const keyOf = (name = world()) => worlds.items.find((one) => one.id === name)?.api_key;
