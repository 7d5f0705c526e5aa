// What exists now, and what made each record what it is.

import { badge, choices, facts, part, tags } from "./draw.js";
import { json } from "./json.js";
import { link, linkTo, read, stay } from "./place.js";
import { get, path } from "./sandbox.js";
import { dollars, standing, time } from "./words.js";

const { a, bdi, details, h2, h3, li, ol, p, span, summary, ul } = tags;

const FIRST = "customers";
const PAGE = 50; // records
const HEAD = new Set(["_type", "_uris", "id", "uri"]); // what the card says above its fields

export class Records {
	constructor(root) {
		this.at = (name) => root.querySelector(name);
		this.search = this.at("[name=search]");
		this.search.addEventListener("input", () => {
			stay(link("records", [read().parts[0] ?? FIRST], { search: this.search.value }));
			this.#list(read());
		});
	}

	json({ parts: [kind, id], query }) {
		const named = ["records", kind, id].filter(Boolean).map(encodeURIComponent).join("/");
		return path(named, id ? {} : { search: query.get("search") });
	}

	async update(place) {
		const [kind = FIRST, id] = place.parts;
		if (document.activeElement !== this.search) this.search.value = place.query.get("search") ?? "";
		const [{ items }, told] = await Promise.all([
			get("records"),
			id && get(`records/${encodeURIComponent(kind)}/${encodeURIComponent(id)}`),
			this.#list(place),
		]);
		part(this.at(".kinds"), [items, kind], () => items.map(({ collection, total }) =>
			li(a({ href: link("records", [collection]), "aria-current": collection === kind && "true" }, collection, " ", span.count(`${total}`)))));
		part(this.at(".detail"), told, () => (told ? shown(told) : p.empty("Choose a record to see what made it what it is.")));
	}

	async #list({ parts: [kind = FIRST, id], query }) {
		const search = this.search.value;
		const offset = Number(query.get("offset"));
		const found = await get(`records/${encodeURIComponent(kind)}`, { search, offset, limit: PAGE });
		// Another letter may have been typed meanwhile.
		if (search === this.search.value) part(this.at(".found"), [kind, id, search, offset, found], () => list(kind, id, search, offset, found));
	}
}

function list(kind, id, search, offset, { items, total }) {
	if (!items.length && search) return p.empty({}, `No ${kind} with “${search}”.`);
	if (!items.length) return p.empty({}, `No ${kind} yet. Create one through the API, or invent people under Levers.`);
	const to = (place) => link("records", [kind], { search, offset: place });
	return [
		choices(kind, items.map((record) => ({
			href: link("records", [kind, record.id], { search, offset }),
			chosen: record.id === id,
			title: bdi({}, headline(record)),
			status: state(record),
			below: record.id,
		}))),
		total > items.length && p.bar(
			`${offset + 1} to ${offset + items.length} of ${total}`,
			offset > 0 && a({ href: to(Math.max(0, offset - PAGE)) }, "newer"),
			offset + items.length < total && a({ href: to(offset + PAGE) }, "older"),
		),
	];
}

function headline(record) {
	const { amount, name, business_name, last_four, brand, account_number, type, url, email, id } = record;
	if (Number.isInteger(amount)) return dollars(amount);
	const card = last_four && `${brand ?? ""} …${last_four}`;
	return `${name || business_name || card || account_number || type || url || email || id}`;
}

function state({ status, state: of = status }) {
	return typeof of === "string" && badge(standing(of), of);
}

function shown({ record, timeline }) {
	const fields = Object.entries(record).filter(([name]) => !HEAD.has(name));
	const links = fields.filter(([name, uri]) => name.endsWith("_uri") && uri);
	return [
		h2({ tabindex: -1 }, `${record._type ?? ""} `, bdi({}, headline(record)), " ", state(record)),
		p.id({}, record.id),
		h3("Timeline"),
		ol.timeline({ "aria-label": "What made it what it is" }, timeline.map(moment)),
		h3("Fields"),
		card(fields.filter(([name]) => !name.endsWith("_uri"))),
		links.length && [h3("Related"), ul.kinds(links.map(([name, uri]) => li(a({ href: linkTo(uri), title: uri }, name.replace(/_uri$/, "")))))],
		details(summary("As JSON"), json(record, "The record")),
	].flat();
}

const card = (fields) => facts(fields.map(([name, value]) => [name, worded(name, value)]));

function worded(name, value) {
	if (value === null || value === "") return null;
	if ((name === "amount" || name === "in_escrow") && Number.isInteger(value)) return dollars(value);
	if (typeof value !== "object") return name.endsWith("_at") ? time(value) : `${value}`;
	if (value.uri && value._type) return a({ href: linkTo(value.uri) }, `${value._type} `, bdi({}, headline(value)));
	const inner = Object.entries(value).filter(([part_]) => part_ !== "_uris");
	return inner.length ? card(inner) : null;
}

function moment({ at, what, type, id, says }) {
	const href = what === "request" ? link("requests", [id]) : what === "event" && link("records", ["events", id]);
	const name = what === "due" ? `due: ${type}` : type;
	return li(span.what(href ? a({ href }, name) : name), span.at({}, time(at)), span.says({}, says));
}
