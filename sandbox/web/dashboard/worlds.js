// Worlds: each with its own key, clock and ids.

import { copied, part, table, tags } from "./draw.js";
import { form, press } from "./lever.js";
import { go, link } from "./place.js";
import { get, path, refresh, worlds } from "./sandbox.js";
import { time } from "./words.js";

const { a, code, option, span } = tags;

export class Worlds {
	constructor(root) {
		this.at = (name) => root.querySelector(name);
		this.write = form(this.at("form"), { then: () => this.update() });
	}

	json() {
		return path("worlds");
	}

	async update() {
		const [bundled] = await Promise.all([get("fixtures"), refresh()]);
		part(this.at("select"), bundled, () => bundled.items.map((name) => option({}, name)));
		part(this.at(".found"), worlds.items, () => table("Worlds", ["world", "key", "clock", "seed", "fixtures", "requests", ""], worlds.items.map(row)));
		this.write();
	}
}

function row({ id, api_key, clock, seed, fixtures, requests }) {
	const key = code({}, api_key ?? "its last key was deleted");
	const then = () => go(link("worlds", [], { world: "" }));
	return [
		a({ href: link("requests", [], { world: id, only: "1" }) }, id),
		span.lever(key, copied(key)),
		`${time(clock.now)} ${clock.running ? "running" : "frozen"}`,
		span.id({}, seed),
		fixtures.join(", "),
		`${requests}`,
		id === "default" ? "" : press("Drop", "DELETE", `worlds/${encodeURIComponent(id)}`, { sure: true, then }),
	];
}
