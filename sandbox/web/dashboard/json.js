// JSON as it was sent, every uri of the API a link to what it names.

import { tags } from "./draw.js";
import { linkTo } from "./place.js";

export function json(value, label) {
	return tags.pre.json({ tabindex: 0, role: "region", "aria-label": label }, lines(value, "\n"));
}

function lines(value, margin) {
	if (value === null || typeof value !== "object") return scalar(value);
	const [open, close] = Array.isArray(value) ? "[]" : "{}";
	const inner = Object.entries(value).flatMap(([name, one], i) => [
		`${i ? "," : ""}${margin}  `,
		...(open === "{" ? [tags.span.name({}, JSON.stringify(name)), ": "] : []),
		lines(one, `${margin}  `),
	].flat());
	return [open, ...inner, inner.length ? margin + close : close];
}

function scalar(value) {
	const text = JSON.stringify(value);
	return /^\/v1\/\S+$/.test(value) ? tags.a({ href: linkTo(value) }, text) : text;
}
