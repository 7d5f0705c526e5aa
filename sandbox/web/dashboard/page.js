// Which panel is shown, of which world, and what keeps it up to date.

import { Callbacks } from "./callbacks.js";
import { badge, part, say, tags } from "./draw.js";
import { Levers } from "./levers.js";
import { listen } from "./live.js";
import * as log from "./log.js";
import { Money } from "./money.js";
import { go, link, read, world } from "./place.js";
import { Records } from "./records.js";
import { Requests } from "./requests.js";
import { refresh, remember, send, token, worlds } from "./sandbox.js";
import { time } from "./words.js";
import { Worlds } from "./worlds.js";

const PANELS = { Requests, Records, Money, Callbacks, Levers, Worlds };
const PAUSE = 250; // milliseconds between two looks at what has changed

const at = (name) => document.getElementById(name);
let shown;
let view;

async function show() {
	const place = read();
	const title = Object.keys(PANELS).find((one) => one.toLowerCase() === place.panel) ?? "Requests";
	if (title !== shown) open(title);
	const name = title.toLowerCase();
	const list = name === "records" ? 1 : 0;
	at("main").classList.toggle("chosen", place.parts.length > list);
	at("json").href = view.json(place);
	at("back").href = link(name, place.parts.slice(0, list), Object.fromEntries(place.query));
	part(at("panels"), [name, world()], () => Object.keys(PANELS).map((one) =>
		tags.li(tags.a({ href: link(one.toLowerCase()), "data-key": one, "aria-current": one === title && "page" }, one))));
	const of = view;
	const problem = await of.update(place).catch((why) => why);
	if (of === view) trouble(problem);
}

function open(title) {
	at("panel").replaceChildren(at(`t-${title.toLowerCase()}`).content.cloneNode(true));
	view = new PANELS[title](at("panel"));
	shown = title;
	document.title = `${title} – Balanced sandbox`;
}

function trouble(problem) {
	at("trouble").hidden = !problem;
	at("token").hidden = problem?.status !== 403;
	at("why").textContent = problem?.message ?? "";
	if (problem && problem.status === undefined) throw problem;
}

async function head() {
	await refresh();
	const names = [...new Set([...worlds.items.map(({ id }) => id), world()])];
	const clock = worlds.items.find(({ id }) => id === world())?.clock;
	part(at("world"), names, () => names.map((name) => tags.option({}, name)));
	at("world").value = world();
	part(at("clock"), clock, () => clock && [`${time(clock.now)} `, badge("waiting", clock.running ? "running" : "frozen")]);
}

// Many changes are looked at together.

let looking = false;
let stale = false;

async function changed() {
	stale = true;
	if (looking) return;
	for (looking = true; stale; ) {
		stale = false;
		await Promise.allSettled([head(), show()]);
		await new Promise((resolve) => setTimeout(resolve, PAUSE));
	}
	looking = false;
}

let answered = [];

function heard(event, data) {
	if (event === "worlds" || (event === "change" && data.world === world())) changed();
	if (event === "request" && answered.push(data) === 1) requestAnimationFrame(taken);
}

function taken() {
	const fresh = log.add(answered);
	answered = [];
	if (!fresh.length || shown !== "Requests") return;
	view.requests();
	const [{ method, uri, status }] = fresh;
	say(fresh.length === 1 ? `${method} ${uri}: ${status ?? "no answer"}` : `${fresh.length} new requests`);
}

async function begin() {
	const problem = await Promise.all([log.load(), head()]).then(() => null, (why) => why);
	await show();
	if (problem) trouble(problem);
}

function connected(is) {
	at("live").className = `status ${is ? "good" : "waiting"}`;
	at("live").textContent = is ? "live" : "reconnecting";
	if (is || !shown) begin();
}

const THEMES = ["auto", "light", "dark"];

function theme(name) {
	localStorage.setItem("theme", name);
	document.documentElement.dataset.theme = name;
	at("theme").textContent = `Theme: ${name}`;
}

at("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(localStorage.getItem("theme")) + 1) % 3]));
at("world").addEventListener("change", () => go(link(shown.toLowerCase(), [], { world: at("world").value })));
at("skip").addEventListener("click", () => at("main").focus());
at("token").addEventListener("submit", (event) => {
	event.preventDefault();
	remember(event.target.elements.token.value);
	begin();
});

// A link cannot send a token, so what it leads to is fetched.
document.addEventListener("click", async (event) => {
	const where = event.target.closest("a[href^='/_sandbox/']");
	if (!where || token() === "1") return;
	event.preventDefault();
	const blob = await (await send(where.getAttribute("href"))).blob();
	window.open(URL.createObjectURL(blob), "_blank", "noopener");
});

document.addEventListener("keydown", (event) => {
	const { key, target } = event;
	if (key === "Escape" && at("main").classList.contains("chosen")) go(at("back").getAttribute("href"));
	if (key !== "/" || target.matches("input, select")) return;
	event.preventDefault();
	at("panel").querySelector("[type=search]")?.focus();
});

addEventListener("hashchange", async () => {
	await Promise.allSettled([head(), show()]);
	// Where there is room for one pane, the reader goes along.
	if (at("back").offsetParent) at("panel").querySelector(".detail h2")?.focus();
});

theme(localStorage.getItem("theme") ?? "auto");
listen(heard, connected);
