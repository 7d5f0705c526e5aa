// Elements. What others wrote becomes text, or an attribute that runs nothing; never markup.

const SVG = "http://www.w3.org/2000/svg";

function make(element, [first, ...rest]) {
	const attributes = first?.constructor === Object ? first : {};
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === "function") element.addEventListener(name, value);
		else if (value || value === 0) element.setAttribute(name, value);
	}
	const children = (attributes === first ? rest : [first, ...rest]).flat(2);
	element.append(...children.filter(Boolean));
	return element;
}

/** Make an element: `p("text")`, `p.empty("of a class")`, `a({ href }, "with attributes")`. */
export const tags = new Proxy({}, { get: (_, tag) => classes(tag) });

function classes(tag) {
	const plain = (...parts) => {
		const element = document.createElement(tag);
		if (tag === "button") element.type = tag; // it submits nothing
		return make(element, parts);
	};
	return new Proxy(plain, { get: (_, name) => (...parts) => {
		const element = plain(...parts);
		element.classList.add(name);
		return element;
	} });
}

export const drawing = (tag, ...parts) => make(document.createElementNS(SVG, tag), parts);

const { button, caption, dd, dl, dt, li, ol, p, span, tbody, td, th, thead, tr } = tags;

const drawn = new WeakMap();

// What is live redraws under the reader's hands: what has not changed is left alone, and the focus stays.
export function part(container, data, from) {
	const text = JSON.stringify(data) ?? "";
	if (drawn.get(container) === text) return;
	drawn.set(container, text);
	const held = container.contains(document.activeElement) && keyOf(document.activeElement);
	container.replaceChildren(...[from()].flat().filter(Boolean));
	if (held) [...container.querySelectorAll("a, button, summary")].find((one) => keyOf(one) === held)?.focus();
}

const keyOf = (element) => element.dataset.key ?? element.getAttribute("href") ?? element.textContent;

export function table(title, columns, rows, empty) {
	if (!rows.length) return p.empty(empty);
	const kind = rows[0].map((cell) => /^−?\$?[\d,.]+$/.test(cell) && "number");
	const head = columns.map((column, i) => th({ scope: "col", class: kind[i] }, column));
	const body = rows.map((cells) => tr(cells.map((cell, i) => td({ class: kind[i] }, cell))));
	const whole = tags.table(caption(title), thead(tr(head)), tbody(body));
	return tags.div.scrolls({ tabindex: 0, role: "region", "aria-label": title }, whole);
}

// What is absent is left out.
export function facts(pairs) {
	const told = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
	return dl.facts(told.map(([term, value]) => [dt({}, term), dd({}, value)]));
}

export function choices(label, entries) {
	return ol.records({ "aria-label": label }, entries.map(({ href, chosen, title, status, below }) =>
		li(tags.a({ href, "aria-current": chosen && "true" }, span.title({}, title), status, span.id({}, below)))));
}

export const badge = (how, words) => span.status({ class: how }, words);

/** Say something to who listens instead of looking. */
export const say = (text) => (document.getElementById("said").textContent = text);

/** Return a button that copies a text, or marks it where no page may copy. */
export function copied(shown, label = "copy") {
	const press = button.quiet({ click: copy }, label);
	async function copy() {
		try {
			await navigator.clipboard.writeText(shown.textContent);
			press.textContent = "copied";
			say("Copied.");
		} catch {
			getSelection().selectAllChildren(shown);
		}
	}
	return press;
}
