// The escrow book: what moved, and whether it adds up.

import { badge, drawing, part, table, tags } from "./draw.js";
import { link } from "./place.js";
import { get, path } from "./sandbox.js";
import { dollars, time } from "./words.js";

const { a, figcaption, figure, li, p, span, strong, ul } = tags;

const WIDE = 640;
const HIGH = 180;
const EDGE = 4;
const SHOWN = 50; // movements

export class Money {
	constructor(root) {
		this.at = (name) => root.querySelector(name);
	}

	json() {
		return path("money");
	}

	async update() {
		const money = await get("money");
		part(this.at(".escrow"), money.in_escrow, () => [span("In escrow "), strong(dollars(money.in_escrow))]);
		part(this.at(".invariants"), money.invariants, () => ul.marks(money.invariants.map(mark)));
		part(this.at(".chart"), money.history, () => chart(money.history));
		part(this.at(".book"), money.book, () => book(money.book));
		part(this.at(".history"), money, () => movements(money));
	}
}

const mark = ({ name, good, violations }) =>
	li(good ? badge("good", "✓ holds") : badge("bad", "✗ broken"), " ", name, ul(violations.map((one) => li({}, one))));

// A movement is a step, as time may stand still between two.
function chart(history) {
	if (!history.length) return p.empty("No money has moved. Debit a card, and what is in escrow is drawn here.");
	const sums = [history[0].in_escrow - history[0].by.amount, ...history.map((one) => one.in_escrow)];
	const most = Math.max(...sums, 1);
	const least = Math.min(...sums, 0);
	const across = (i) => (i * WIDE) / sums.length;
	const up = (cents) => HIGH - EDGE - ((cents - least) * (HIGH - 2 * EDGE)) / (most - least);
	const line = sums.map((cents, i) => `${i ? "V" : "M0,"}${up(cents)}H${across(i + 1)}`).join("");
	const says = `${history.length} movements, ${time(history[0].at)} to ${time(history.at(-1).at)}; at most ${dollars(most)}`;
	return figure(
		drawing(
			"svg",
			{ viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `In escrow: ${says}`, preserveAspectRatio: "none" },
			drawing("path", { class: "area", d: `${line}V${up(0)}H0Z` }),
			drawing("path", { class: "step", d: line }),
		),
		figcaption(says),
	);
}

function book(sums) {
	const rows = Object.entries(sums).flatMap(([kind, states]) => Object.entries(states).map(([status, { count, amount }]) =>
		[a({ href: link("records", [kind], { search: status }) }, kind), status, `${count}`, dollars(amount)]));
	return table("By kind and status", ["kind", "status", "count", "amount"], rows, "Nothing is in the book yet.");
}

function movements({ history, movements: all }) {
	const rows = history.slice(-SHOWN).reverse().map(({ at, by, in_escrow }) =>
		[time(at), a({ href: link("records", [`${by.kind}s`, by.id]) }, by.id), dollars(by.amount), dollars(in_escrow)]);
	return table(`The last ${rows.length} of ${all}`, ["at", "because of", "amount", "in escrow"], rows, "No money has moved yet.");
}
