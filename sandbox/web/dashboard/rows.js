// A long list; the document holds the rows in sight only. The style sheet knows their height.

import { tags } from "./draw.js";

const BEYOND = 8; // rows above and below those in sight

export class Rows {
	#items = [];
	#shown = new Map();
	#chosen;
	#reached; // the item that the Tab key leads to

	constructor(container, label, link, cells) {
		Object.assign(this, { container, link, cells, list: tags.ol({ "aria-label": label }) });
		container.replaceChildren(this.list);
		container.addEventListener("scroll", () => this.#draw(), { passive: true });
		container.addEventListener("keydown", (event) => this.#key(event));
		new ResizeObserver(() => this.#draw()).observe(container);
	}

	// Who has scrolled down goes on seeing what is in sight.
	show(items, chosen) {
		const { scrollTop } = this.container;
		const first = scrollTop > 0 && this.#items[Math.floor(scrollTop / this.#height)];
		const above = first ? items.indexOf(first) - this.#items.indexOf(first) : 0;
		this.#items = items;
		this.#chosen = chosen;
		this.#draw();
		if (above > 0) this.container.scrollTop = scrollTop + above * this.#height;
	}

	get #height() {
		return parseFloat(getComputedStyle(this.container).getPropertyValue("--row"));
	}

	#draw() {
		const height = this.#height;
		const { scrollTop, clientHeight } = this.container;
		this.list.style.height = `${this.#items.length * height}px`;
		const from = Math.max(0, Math.floor(scrollTop / height) - BEYOND);
		const wanted = this.#items.slice(from, Math.ceil((scrollTop + clientHeight) / height) + BEYOND);
		const ids = new Set(wanted.map(({ id }) => id));
		for (const [id, row] of this.#shown) {
			if (ids.has(id)) continue;
			row.remove();
			this.#shown.delete(id);
		}
		const reached = [this.#reached, this.#chosen, wanted[0]?.id].find((id) => ids.has(id));
		let next = this.list.firstChild;
		wanted.forEach((item, i) => {
			const row = this.#place(item, from + i, height, item.id === reached);
			if (row === next) next = next.nextSibling;
			else this.list.insertBefore(row, next);
		});
	}

	#place(item, index, height, reached) {
		if (!this.#shown.has(item.id)) {
			this.#shown.set(item.id, tags.li(tags.a({ "data-key": item.id }, this.cells(item))));
		}
		const row = this.#shown.get(item.id);
		row.style.transform = `translateY(${index * height}px)`;
		row.ariaPosInSet = index + 1;
		row.ariaSetSize = this.#items.length;
		row.firstChild.href = this.link(item);
		row.firstChild.tabIndex = reached ? 0 : -1;
		row.firstChild.ariaCurrent = item.id === this.#chosen ? "true" : null;
		return row;
	}

	#key(event) {
		const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
		if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
		event.preventDefault();
		const here = this.#items.findIndex(({ id }) => id === event.target.dataset.key);
		this.#focus(Math.min(Math.max(0, here + step), this.#items.length - 1));
	}

	#focus(index) {
		const top = index * this.#height;
		const { scrollTop, clientHeight } = this.container;
		this.container.scrollTop = Math.min(top, Math.max(scrollTop, top + this.#height - clientHeight));
		this.#reached = this.#items[index].id;
		this.#draw();
		this.#shown.get(this.#reached).firstChild.focus({ preventScroll: true });
	}
}
