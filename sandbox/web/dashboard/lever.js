// A lever, what came of it, and the line of shell that does the same.

import { copied, say, tags } from "./draw.js";
import { ask, keyOf, path, token } from "./sandbox.js";
import { curl } from "./words.js";

const { button, code, details, div, output, span, summary } = tags;

/** Make a form pull the lever it names; returns what writes its line of shell anew. */
export function form(element, { body = () => fields(element), then } = {}) {
	const [method, named] = element.dataset.lever.split(" ");
	const line = code.curl();
	const said = output.said();
	const lever = () => named.replace(/{(\w+)}/, (_, name) => encodeURIComponent(element.elements[name].value));
	const write = () => (line.textContent = curl(keyOf(), token(), method, lever(), body()));
	const pull = () => pulled(said, method, lever(), body(), then);
	element.append(div.line(line, copied(line)), said);
	element.addEventListener("input", write);
	const sure = element.querySelector(".danger");
	if (sure) asking(sure, pull);
	element.addEventListener("submit", (event) => {
		event.preventDefault();
		if (!sure) pull();
	});
	write();
	return write;
}

// The same for a button; `sure` has it ask once more.
export function press(label, method, lever, { sure, then } = {}) {
	const said = output.said();
	const pressed = button.quiet({ "data-key": label + lever }, label);
	const pull = () => pulled(said, method, lever, undefined, then);
	if (sure) asking(pressed, pull);
	else pressed.addEventListener("click", pull);
	const line = code.curl(curl(keyOf(), token(), method, lever));
	return span.lever(pressed, details(summary({ "aria-label": `curl for ${label}` }, "curl"), line), said);
}

function asking(pressed, act) {
	const label = pressed.textContent;
	const ask_ = (sure) => {
		pressed.toggleAttribute("data-sure", sure);
		pressed.textContent = sure ? `${label}: sure?` : label;
	};
	pressed.addEventListener("blur", () => ask_(false));
	pressed.addEventListener("click", (event) => {
		event.preventDefault();
		const sure = pressed.hasAttribute("data-sure");
		if (!sure && pressed.form && !pressed.form.reportValidity()) return;
		ask_(!sure);
		if (sure) act();
	});
}

async function pulled(said, method, lever, body, then = () => {}) {
	try {
		const answer = await ask(method, path(lever), body);
		said.textContent = told(answer ?? {});
		said.dataset.came = "good";
		await then(answer);
	} catch (problem) {
		said.textContent = `${problem.field ? `${problem.field} ` : ""}${problem.message}`;
		said.dataset.came = "bad";
	}
	say(said.textContent);
}

const told = (answer) =>
	Object.entries(answer).filter(([, one]) => typeof one !== "object").map((one) => one.join(": ")).join(", ") || "done";

// What is empty is left out; a file is the whole body.
function fields(element) {
	const named = [...element.elements].filter(({ name }) => name && !element.dataset.lever.includes(`{${name}}`));
	if (named[0]?.type === "file") return named[0].files[0] ?? new File([], "world.json");
	const told = named.filter((one) => one.type === "checkbox" || one.value).map((one) => [one.name, value(one)]);
	return named.length ? Object.fromEntries(told) : undefined;
}

function value(field) {
	if (field.type === "checkbox") return field.checked;
	if (field.type === "number" || field.dataset.as === "json") return JSON.parse(field.value);
	if (field.multiple) return [...field.selectedOptions].map((option) => option.value);
	return field.dataset.as === "list" ? field.value.split(/[\s,]+/).filter(Boolean) : field.value;
}
