// Where the reader is: all of it is in the fragment.

/** Return the place the address names: `#/records/debits/WD1?world=default`. */
export function read() {
	const [path, query] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
	const [panel, ...parts] = path.split("/").filter(Boolean).map(plain);
	return { panel, parts, query: new URLSearchParams(query) };
}

function plain(part) {
	try {
		return decodeURIComponent(part);
	} catch {
		return part; // somebody typed a percent sign
	}
}

export const world = () => read().query.get("world") ?? "default";

export const query = (asked) => `${new URLSearchParams(Object.entries(asked).filter(([, value]) => value))}`;

// The world comes along unless another is named.
export function link(panel, parts = [], asked = {}) {
	return `#/${[panel, ...parts].map(encodeURIComponent).join("/")}?${query({ world: world(), ...asked })}`;
}

export const go = (fragment) => (location.hash = fragment);

export const stay = (fragment) => history.replaceState(null, "", fragment);

// A list is found by searching for who it belongs to.
export function linkTo(uri) {
	const parts = uri.split("?")[0].split("/").filter(Boolean).slice(1);
	const [kind, id] = parts.slice(-2);
	if (/^[A-Z]{2}/.test(id)) return link("records", [kind, id]);
	const owner = parts.length > 2 && parts.at(-3) !== "marketplaces" ? kind : "";
	return link("records", [id ?? kind], { search: owner });
}
