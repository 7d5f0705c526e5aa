// How things are written: amounts, times, statuses, and lines of shell.

// 123456 cents are $1,234.56.
export function dollars(cents) {
	const amount = (Math.abs(cents) / 100).toLocaleString("en-US", { style: "currency", currency: "USD" });
	return cents < 0 ? `−${amount}` : amount;
}

// As the API writes it, without a fraction that is zero.
export const time = (stamp) => stamp?.replace(/\.0+Z$/, "Z") ?? "–";

export const way = (status) => (status === null || status >= 500 ? "bad" : status >= 400 ? "refused" : "good");

const STANDING = { succeeded: "good", paid: "good", verified: "good", captured: "good", failed: "bad" };

export const standing = (status) => (Object.hasOwn(STANDING, status) ? STANDING[status] : "waiting");

const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

// The line of shell that pulls a lever.
export function curl(key, token, method, path, body) {
	const parts = ["curl", ...(key ? ["-u", `${key}:`] : []), ...(method === "GET" ? [] : ["-X", method])];
	if (method !== "GET" || token !== "1") parts.push("-H", quoted(`X-Sandbox-Control: ${token}`));
	if (body !== undefined) parts.push("-H", quoted("Content-Type: application/json"));
	parts.push(quoted(`${location.origin}/_sandbox/${path}`));
	if (body instanceof Blob) parts.push("--data-binary", quoted(`@${body.name}`));
	else if (body !== undefined) parts.push("-d", quoted(JSON.stringify(body)));
	return parts.join(" ");
}
