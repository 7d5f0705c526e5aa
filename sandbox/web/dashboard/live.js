// Server-sent events, read by fetch because it can send headers.

import { path, send } from "./sandbox.js";

const SOONEST = 500; // milliseconds until the next attempt, twice as long after each that fails
const LATEST = 8000;

/** Listen for good. */
export async function listen(tell, connected) {
	let wait = SOONEST;
	let last;
	for (;;) {
		try {
			const answer = await send(path("stream", { world: "all" }), last && { "Last-Event-ID": last });
			connected(true);
			wait = SOONEST;
			for await (const { event, id, data } of events(answer.body)) {
				last = id ?? last;
				if (data) tell(event, JSON.parse(data));
			}
		} catch {
			// Whatever the reason, the answer is to try again.
		}
		connected(false);
		await new Promise((resolve) => setTimeout(resolve, wait));
		wait = Math.min(2 * wait, LATEST);
	}
}

async function* events(body) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	let text = "";
	for (;;) {
		const { value, done } = await reader.read();
		if (done) return;
		const whole = (text + value).split("\n\n");
		text = whole.pop();
		for (const block of whole) yield Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s)));
	}
}
